"""Moves looks at the backlog from the row to the history, a block at a time, and gathers them again for a curve."""

from __future__ import annotations

import logging
from datetime import datetime

from ebb.core.contract.store import Store
from ebb.core.errors import StoreError
from ebb.core.row.looks import Look, due_block, looks_of
from ebb.core.row.schedule_row import ScheduleRow

logger = logging.getLogger(__name__)


async def move_looks(store: Store, row: ScheduleRow) -> int:
    """Write the oldest looks of `row` to the history, if a block of them has come together.

    Returns:
        The time of the latest look that was moved, in seconds since 1970; 0 where none was. The caller takes them off
        the row. A curve is not worth a cycle: what cannot be written now stays on the row for the next try.
    """
    block = due_block(row)
    if not block:
        return 0
    try:
        await store.write_looks(row.name, block)
    except StoreError as error:
        logger.warning("%s: looks at the backlog were not moved: %s", row.name, error, extra={"schedule": row.name})
        return 0
    return block[-1].at


async def looks_since(store: Store, row: ScheduleRow, since: datetime) -> list[Look]:
    """The looks of the schedule since `since`, oldest first, of history and row; 1 request for 24,000 of them."""
    found = {look.at: look for look in [*await store.looks(row.name, since), *looks_of(row.looks)]}
    return [found[at] for at in sorted(found) if at >= since.timestamp()]
