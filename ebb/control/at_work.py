"""The executions of a schedule that are at work now, as their notes tell."""

from __future__ import annotations

from typing import Any

from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import ScheduleRow
from ebb.services import Services


async def executions_at_work(services: Services, row: ScheduleRow) -> list[dict[str, Any]]:
    """The Execution documents so far of the cycles that are open, each with its `cycle`; one request if there are any.

    A run that has only begun has no counts yet. What they did since their last note, at most a few seconds, is missing.
    """
    awaited = {int(entry["cycle"]) for entry in row.unclosed}
    if not awaited:
        return []
    notes = [note for note in await services.store.executions(row.name) if note.cycle in awaited]
    return [_document(note) for note in sorted(notes, key=lambda note: (note.cycle, note.index, note.run))]


def _document(note: ExecutionNote) -> dict[str, Any]:
    known = {"index": note.index, "startedAt": None, "processed": 0, "failed": 0, "poisoned": 0, "outcome": None}
    return {**known, **{key: value for key, value in note.document.items() if key != "run"}, "cycle": note.cycle}
