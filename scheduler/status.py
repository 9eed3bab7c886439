"""The live part of a schedule's status, as its orchestration publishes it at each step (Durable's custom status)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from scheduler.clock import rfc3339
from scheduler.cycle import CycleState, Opening
from scheduler.decision import Wait


def measuring(state: CycleState) -> dict[str, Any]:
    """The backlog is being measured; nothing is known of this cycle yet."""
    return {"phase": "measuring", "cycle": state.cycle}


def processing(opening: Opening) -> dict[str, Any]:
    """The executions decided on are running."""
    return {"phase": "processing", **_opened(opening)}


def waiting(opening: Opening, wait: Wait, now: datetime, error: str | None) -> dict[str, Any]:
    """The cycle has ended and the next one begins after `wait`, counted from `now`."""
    return {
        "phase": "waiting",
        **_opened(opening),
        "error": error,
        "nextCycleAt": rfc3339(wait.end(now)),
        "nextCycleReason": wait.reason,
    }


def _opened(opening: Opening) -> dict[str, Any]:
    return {
        "cycle": opening.cycle,
        "backlog": opening.backlog,
        "decision": opening.decision.as_json(),
        "error": opening.error,
    }
