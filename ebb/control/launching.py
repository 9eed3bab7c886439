"""Sees a launch through: the instance for which a row was just written is up, or takes the place of one that ends."""

from __future__ import annotations

import logging

from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import launch, look_until
from ebb.core.row.schedule_row import ScheduleRow
from ebb.services import Services

logger = logging.getLogger(__name__)

LAUNCH_SECONDS = 5.0  # how long to wait for an instance that was there already to check in, or to end


async def bring_up(services: Services, client: DurableClient, row: ScheduleRow) -> bool:
    """Launch the instance for which `row` was just written.

    Where one is there already it either checks in, and so has read `row`, or it was just ending; then another is
    launched in its place.

    Returns:
        False if neither happened in time; the watchdog goes on from there.
    """

    async def is_up() -> bool:
        if await launch(client, row.name, row.launch):
            return True
        present = await services.store.get(row.name)
        return present.starting_until is None or present.launch != row.launch

    if await look_until(is_up, LAUNCH_SECONDS):
        return True
    logger.warning("%s: an instance is there and does not check in", row.name, extra={"schedule": row.name})
    return False
