"""What the notes in a store say about a schedule."""

from __future__ import annotations

from datetime import datetime

from ebb.core.clock import parse_rfc3339
from ebb.core.notes import Notes, abandoned_scope


async def abandoned_executions(notes: Notes, schedule: str, now: datetime) -> int:
    """How many executions of `schedule` have handlers that still run although the execution has ended."""
    found = await notes.notes(abandoned_scope(schedule))
    return sum(1 for note in found.values() if now < parse_rfc3339(note["until"]))
