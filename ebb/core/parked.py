"""How many messages are parked for their keys (`perKey`), and since when, from what executions say of theirs. Pure.

Who parks a message hides it for PARKED_FOR at most. So what an execution said longer ago is over: its messages have
come again, and whoever met them has parked them once more, or handles them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ebb.core.clock import parse_rfc3339
from ebb.core.documents import Execution, Parked
from ebb.core.key_claim import PARKED_FOR


def parked_by(executions: Iterable[Execution], now: datetime) -> Parked | None:
    """The messages that these executions have parked; None where there are none."""
    told = [each for each in executions if each.parked_now and _is_fresh(each.ended_at or each.noted_at, now)]
    since = [each.parked_since for each in told if each.parked_since is not None]
    messages = sum(each.parked_now for each in told)
    return Parked(messages=messages, since=min(since, key=parse_rfc3339, default=None)) if messages else None


def parked_at_end(cycle: Mapping[str, Any] | None, now: datetime) -> Parked | None:
    """The messages that were parked when `cycle` ended, and are still."""
    if cycle is None or not cycle.get("parkedNow") or not _is_fresh(cycle.get("endedAt"), now):
        return None
    return Parked(messages=int(cycle["parkedNow"]), since=cycle.get("parkedSince"))


def _is_fresh(at: str | None, now: datetime) -> bool:
    return at is None or now - parse_rfc3339(at) < PARKED_FOR
