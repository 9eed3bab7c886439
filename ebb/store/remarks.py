"""What the remarks in a store say about a schedule."""

from __future__ import annotations

from datetime import datetime

from ebb.core.clock import parse_rfc3339
from ebb.core.remarks import Remarks, abandoned_scope


async def abandoned_executions(remarks: Remarks, schedule: str, now: datetime) -> int:
    """How many executions of `schedule` have handlers that still run although the execution has ended."""
    found = await remarks.remarks(abandoned_scope(schedule))
    return sum(1 for note in found.values() if now < parse_rfc3339(note["until"]))
