"""Why a schedule did, or did not, run at a moment: the answer in a sentence, with the evidence for it. Pure."""

from ebb.core.why.answer import Answer, Evidence
from ebb.core.why.causes import why
from ebb.core.why.past import Ahead, IntentThen, Past, drained_in, intent_at, settings_then

__all__ = ["Ahead", "Answer", "Evidence", "IntentThen", "Past", "drained_in", "intent_at", "settings_then", "why"]
