"""The live part of a schedule's status, as its orchestration publishes it at each step (Durable's custom status).

Durable fails an orchestration whose status is too large, and a loop that fails for its error's text fails again each
time that it is started. So texts are shortened here until it fits; the history keeps them longer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from ebb.core.clock import rfc3339
from ebb.core.cycle import CycleState, Opening
from ebb.core.decision import Wait
from ebb.core.document import Json
from ebb.core.wording import clipped

# Bytes as UTF-16, of all JSON: MaxCustomStatusPayloadSizeInKB of the Durable extension's DurableOrchestrationContext.
LIMIT = 16 * 1024
LENGTHS = (500, 250, 120, 60, 30)  # characters of the longest text, tried in turn; a time has 24 and stays


def measuring(state: CycleState) -> Json:
    """The backlog is being measured; nothing is known of this cycle yet."""
    return {"phase": "measuring", "cycle": state.cycle}


def processing(opening: Opening) -> Json:
    """The executions decided on are running."""
    return _fitting({"phase": "processing", **_opened(opening)})


def waiting(opening: Opening, wait: Wait, now: datetime, error: str | None) -> Json:
    """The cycle has ended and the next one begins after `wait`, counted from `now`."""
    return _fitting(
        {
            "phase": "waiting",
            **_opened(opening),
            "error": error,
            "nextCycleAt": rfc3339(wait.end(now)),
            "nextCycleReason": wait.reason,
        }
    )


def _opened(opening: Opening) -> Json:
    return {
        "cycle": opening.cycle,
        "backlog": opening.backlog.to_document() if opening.backlog else None,
        "decision": opening.decision.to_document(),
        "abandoned": opening.abandoned,
        "error": opening.error,
    }


def _fitting(status: Json) -> Json:
    """`status` with its texts as long as there is room for; without room only what the loop is doing, and until when.

    Counted with spaces and with everything escaped to ASCII, the largest form that any serialiser gives it.
    """
    for longest in LENGTHS:
        shorter = _shortened(status, longest)
        if 2 * len(json.dumps(shorter)) <= LIMIT:
            return shorter
    return {key: status[key] for key in ("phase", "cycle", "nextCycleAt") if key in status}


def _shortened(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return clipped(value, longest)
    if isinstance(value, Mapping):
        return {key: _shortened(item, longest) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_shortened(item, longest) for item in cast("Iterable[Any]", value)]
    return value
