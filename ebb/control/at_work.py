"""The executions of a schedule that are at work now, as their notes tell."""

from __future__ import annotations

from dataclasses import replace

from ebb.core.documents import ExecutionOfCycle
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import ScheduleRow
from ebb.services import Services


async def executions_at_work(services: Services, row: ScheduleRow) -> list[ExecutionOfCycle]:
    """The executions so far of the cycles that are open; one request if there are any.

    A run that has only begun has no counts yet. What they did since their last note, at most a few seconds, is missing.
    """
    began = {entry.cycle: str(entry.started_at) for entry in row.unclosed}
    if not began:
        return []
    notes = [note for note in await services.store.executions(row.name) if note.cycle in began]
    notes.sort(key=lambda note: (note.cycle, note.index, note.run))
    return [_execution(note, began[note.cycle]) for note in notes]


def _execution(note: ExecutionNote, began: str) -> ExecutionOfCycle:
    """What the run of `note` did; one that noted no more than that it began counts from its cycle's start."""
    known = {"index": note.index, "startedAt": began, **note.document, "cycle": note.cycle}
    return replace(ExecutionOfCycle.from_document(known), run=None)
