"""Looks, for an execution of a strict lane, whether a lane above it waits and has nobody: then it makes way.

Without it a message that arrives above would wait until the slices below are over. An execution that makes way ends as
at the end of its slice, so the cycle ends and the next one begins with the lane above.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from ebb.core.errors import EbbError
from ebb.core.planning.agenda import worth_acting_on
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

WITHIN = 2.0  # seconds: a source that takes longer to count is not waited for, messages of this lane are

logger = logging.getLogger(__name__)


class LanesAbove:
    """The lanes above that of one execution, and the executions of its cycle that work on them."""

    def __init__(
        self, services: Services, settings: ScheduleSettings, order: Mapping[str, Any], note: ExecutionNote
    ) -> None:
        """Look for the execution of `note`, whose order is `order`; `settings` have all sources."""
        self._services, self._schedule, self._note = services, str(order["schedule"]), note
        above = settings.all_sources[: int(order.get("source") or 0)] if settings.lanes == "strict" else ()
        self._above = settings.model_copy(update={"sources": above}) if above else None
        number, _ = order.get("share") or (0, 1)
        self._executions = note.index - int(number)  # of the lanes above: executions stand in the order of their lanes

    async def want_its_place(self) -> bool:
        """Whether messages wait above that no execution of this cycle will take; False where that is not known."""
        if self._above is None:
            return False
        try:
            if self._executions and not await self._have_ended():
                return False
            async with asyncio.timeout(WITHIN):
                counts = await self._services.measure(self._above)
        except (EbbError, TimeoutError) as error:
            logger.info("%s: the lanes above were not looked at: %s", self._schedule, str(error) or "no answer in time")
            return False
        return worth_acting_on(self._above, counts) > 0

    async def _have_ended(self) -> bool:
        """Whether all executions of the lanes above have ended; one that has not begun has not."""
        mine = self._note
        ended = {
            note.index
            for note in await self._services.store.executions(self._schedule)
            if (note.owner, note.cycle) == (mine.owner, mine.cycle) and note.has_ended
        }
        return ended.issuperset(range(self._executions))
