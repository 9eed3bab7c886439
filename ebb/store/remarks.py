"""What the remarks in a store say about a schedule."""

from __future__ import annotations

from datetime import datetime

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.remarks import Remarks, abandoned_scope, crash_scope


async def abandoned_executions(remarks: Remarks, schedule: str, now: datetime) -> int:
    """How many executions of `schedule` have handlers that still run although the execution has ended."""
    found = await remarks.remarks(abandoned_scope(schedule))
    return sum(1 for note in found.values() if now < parse_rfc3339(note["until"]))


async def remember_crash(remarks: Remarks, schedule: str, until: datetime, now: datetime) -> None:
    """Remember that an execution of `schedule`, which must have ended by `until`, ended without a word."""
    await remarks.write_remark(crash_scope(schedule), "latest", now, {"until": rfc3339(until)})


async def crashed_before(remarks: Remarks, schedule: str, since: datetime) -> bool:
    """Whether an execution that may have run until `since` or longer is remembered to have ended without a word."""
    found = await remarks.remarks(crash_scope(schedule))
    return any(since < parse_rfc3339(remark["until"]) for remark in found.values())
