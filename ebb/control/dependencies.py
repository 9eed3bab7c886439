"""The schedules that another one comes after, as they stand in the store."""

from __future__ import annotations

import asyncio

from ebb.core.planning.dependencies import Other
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services


async def others_of(services: Services, settings: ScheduleSettings) -> tuple[Other, ...]:
    """Those that `after` names; one request each.

    Raises:
        StoreError: they cannot be read.
    """
    rows = await asyncio.gather(*(services.store.get(name) for name in settings.after))
    now = services.clock.now()
    return tuple(
        Other(row.name, row.drained_cycle, row.working_until is not None and now < row.working_until, row.intent.value)
        for row in rows
    )
