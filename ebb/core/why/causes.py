"""The order of the causes: the first one that holds is the answer.

What an operator wanted comes before what the calendar says, and that before what was met. Only where nothing explains a
time without any sign is the app itself said to have been away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ebb.core.why.answer import Answer
from ebb.core.why.meant import no_tick, not_kept, not_yet, outside_windows, unwanted
from ebb.core.why.met import (
    at_work,
    found_nothing,
    ran,
    silent,
    waited_after_a_cycle,
    waited_for_others,
    waits_now,
)
from ebb.core.why.past import Past
from ebb.core.why.tellings import retuned_evidence

_CAUSES: tuple[Callable[[Past], Answer | None], ...] = (
    not_yet,
    ran,
    not_kept,
    unwanted,
    outside_windows,
    at_work,
    no_tick,
    waits_now,
    waited_for_others,
    waited_after_a_cycle,
    found_nothing,
    silent,
)


def why(past: Past) -> Answer:
    """Why the schedule did, or did not, run at `past.at`."""
    answer = next(answer for cause in _CAUSES if (answer := cause(past)) is not None)
    if past.retuned is None:
        return answer
    return replace(answer, evidence=(*answer.evidence, retuned_evidence(past.retuned)))
