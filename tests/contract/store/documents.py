"""Documents as the history keeps them, for the tests of the stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ebb.core.clock import rfc3339

START = datetime(2026, 11, 21, 20, 0, 0, 123000, tzinfo=UTC)


def cycle(number: int, executions: int = 2, **more: Any) -> dict[str, Any]:
    """A Cycle document; cycle n ended n minutes after START."""
    return {
        "cycle": number,
        "startedAt": rfc3339(START + timedelta(minutes=number - 1)),
        "endedAt": rfc3339(START + timedelta(minutes=number)),
        "backlog": {"count": 32, "measuredAt": rfc3339(START)},
        "decision": {"executions": executions, "reason": f"32 messages ÷ 16 = {executions} executions"},
        "executions": [execution(index) for index in range(executions)],
        "processed": 16 * executions,
        "failed": 0,
        "poisoned": 0,
        "outcome": "succeeded",
        "error": None,
        **more,
    }


def execution(index: int, error: str | None = None) -> dict[str, Any]:
    return {
        "index": index,
        "startedAt": rfc3339(START),
        "endedAt": rfc3339(START),
        "outcome": "failed" if error else "succeeded",
        "processed": 16,
        "failed": 0,
        "poisoned": 0,
        "error": error,
    }


def event(number: int, kind: str = "audit", **more: Any) -> dict[str, Any]:
    return {"id": f"event {number}/#?", "at": rfc3339(START + timedelta(seconds=number)), "kind": kind, **more}


def numbers(page: list[dict[str, Any]]) -> list[int]:
    return [document["cycle"] for document in page]
