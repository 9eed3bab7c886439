"""An instance that failed because the app's code changed under it is started again by the next request."""

from __future__ import annotations

import logging

from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_at
from ebb.control.watchdog import Watchdog
from ebb.core.errors import EbbError
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import ScheduleRow
from ebb.services import Services

logger = logging.getLogger(__name__)


async def revived(
    services: Services, client: DurableClient, row: ScheduleRow, instance: Instance
) -> tuple[ScheduleRow, Instance]:
    """The row and the instance as given, or as they are after a start, where a change of code had ended the instance.

    What the watchdog does within a minute is done at once. It decides: nothing is started that it would not start.
    """
    if not instance.code_changed:
        return row, instance
    try:
        await Watchdog(services).restart(client, row.name)
        return await services.store.get(row.name), await look_at(client, row.name)
    except EbbError as error:
        logger.warning("%s: not started again yet: %s", row.name, error, extra={"schedule": row.name})
        return row, instance
