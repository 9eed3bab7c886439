"""Looks at the backlog that stand on the row: a sample every two minutes, so that idle times leave no hole in a curve.

Idle cycles are not in the history, yet each one writes the row. So a look costs nothing when it is taken; once BLOCK of
them have come together they are moved to the history in one write: at most 30 writes a day and schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from ebb.core.cycle import Opening, Verdict
from ebb.core.document import Json
from ebb.core.row.schedule_row import ScheduleRow

EVERY = 120  # seconds between two looks, at least
BLOCK = 24  # looks that are moved to the history together
MOST = 4 * BLOCK  # looks on the row, where the history cannot be written


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw, and what the schedule had done until then."""

    at: int  # seconds since 1970
    backlog: int
    executions: int  # begun because of it
    processed: int  # in all, since the schedule was first started
    failed: int

    def to_document(self) -> list[int]:
        """The look as it is kept."""
        return [self.at, self.backlog, self.executions, self.processed, self.failed]


_FIELDS = len(fields(Look))


def looks_of(data: Mapping[str, Any] | None) -> list[Look]:
    """The looks in a document {"looks": [[...], ...]}, oldest first; what is written otherwise is left out."""
    return [Look(*each) for each in (data or {}).get("looks", ()) if len(each) == _FIELDS]


def document_of(looks: Sequence[Look]) -> Json:
    """The document that `looks_of` reads."""
    return {"looks": [each.to_document() for each in looks]}


def due_block(row: ScheduleRow) -> list[Look]:
    """The oldest looks on the row, if so many have come together that they are to be moved to the history."""
    looks = looks_of(row.looks)
    return looks[:BLOCK] if len(looks) >= 2 * BLOCK else []


def looked(row: ScheduleRow, opening: Opening, now: datetime, moved: int) -> ScheduleRow:
    """The row with the look that `opening` took, where one is due.

    Args:
        moved: the time of the latest look that is in the history already; older ones leave the row.
    """
    if opening.verdict is not Verdict.GO or opening.backlog is None:
        return row
    looks, at = looks_of(row.looks), int(now.timestamp())
    if looks and at - looks[-1].at < EVERY:
        return row
    totals = row.totals
    look = Look(at, opening.backlog.count, opening.decision.executions, totals.processed, totals.failed)
    kept = [each for each in looks if each.at > moved][-(MOST - 1) :]
    return replace(row, looks=document_of([*kept, look]))


def time_of(look: Look) -> datetime:
    """When the look was taken."""
    return datetime.fromtimestamp(look.at, UTC)
