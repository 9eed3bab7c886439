"""Looks at a schedule's row for one execution: may it take messages still?"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.documents import Execution
from ebb.core.errors import StoreError
from ebb.core.row.books import is_closed
from ebb.core.row.checkin import has_silent_sibling
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.fence import promise
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.services import Services

logger = logging.getLogger(__name__)


class FenceWatch:
    """Looks at the row for one execution: may it take messages still?"""

    def __init__(self, services: Services, order: Mapping[str, Any], longest: float) -> None:
        """Watch for the owner that `order` names; `longest` is how many seconds the execution may run."""
        self._services, self._schedule, self._owner = services, str(order["schedule"]), str(order["owner"])
        self._launch, self._longest = int(order.get("launch", 0)), longest
        now = services.clock.now()
        begun = Execution(index=int(order["index"]), started_at=rfc3339(now)).to_document()
        where = int(order["cycle"]), int(order["index"]), uuid.uuid4().hex
        self.note = ExecutionNote(self._owner, *where, promise(now, longest), begun)
        self._lease_until: datetime | None = None
        self.outcome: str | None = None  # "stopped" or "fenceLost" once it may not go on

    async def enter(self) -> str | None:
        """Note that this execution is at work, and let the lease cover it: it may begin long after its cycle.

        The note comes first and the look at the row second, so that a successor that found no note is seen here.

        Returns:
            Why it must not begin; None where it may.
        """
        await self._services.store.begin_execution(self._schedule, self.note)
        now = self._services.clock.now()
        end = promise(now, self._longest)
        enough = now + timedelta(seconds=self._longest)

        def renew(row: ScheduleRow) -> ScheduleRow:
            covered = row.working_until is not None and row.working_until >= enough
            if row.owner != self._owner or 0 < self._launch < row.launch or covered:
                return row
            return replace(row, owner_until=end, working_until=end)

        return self._look(await update(self._services.store, self._schedule, renew))

    async def reason_to_stop(self) -> str | None:
        """Why the execution may not go on; None where it may.

        A store that is away is not a reason while the lease read last still holds.
        """
        try:
            return self._look(await self._services.store.get(self._schedule))
        except StoreError as error:
            if self._lease_until is not None and self._services.clock.now() < self._lease_until:
                return None
            self.outcome = "fenceLost"
            return f"the fence cannot be renewed: {error}"

    async def is_needed(self) -> bool:
        """Whether the cycle cannot end yet, because another execution of it has fallen silent."""
        try:
            noted = await self._services.store.executions(self._schedule)
        except StoreError as error:
            logger.warning("%s: the other executions were not looked at: %s", self._schedule, error)
            return False
        return has_silent_sibling(self.note, noted, self._services.clock.now())

    def _look(self, row: ScheduleRow) -> str | None:
        self._lease_until = row.owner_until
        if row.owner != self._owner:
            self.outcome = "fenceLost"
            return f"another instance acts for this schedule: {row.owner}"
        if 0 < self._launch < row.launch:
            self.outcome = "fenceLost"
            return "the schedule was launched again since"
        if is_closed(row, self.note.cycle) or row.cycle > self.note.cycle:
            self.outcome = "fenceLost"
            return f"cycle {self.note.cycle} is closed: this is a late repetition of one of its executions"
        mine = f"{self.note.cycle}-{self.note.index}"
        if mine in (row.cancelled or {}):
            self.outcome = "stopped"
            return f"cancelled: {(row.cancelled or {})[mine]}"
        if row.intent is not Intent.RUNNING:
            self.outcome = "stopped"
            return f"{row.intent.value}: {row.reason}" if row.reason else row.intent.value
        return None
