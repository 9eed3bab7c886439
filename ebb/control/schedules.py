"""The schedules, as this app sees them now."""

from __future__ import annotations

from ebb.control.durable_sdk import DurableClient, task_hub_of
from ebb.control.instances import Instance, look_at_all
from ebb.control.revival import revived
from ebb.control.schedule_document import schedule_document
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.schedule import Schedule
from ebb.services import Services


def schedule_of(services: Services, client: DurableClient, row: ScheduleRow, instance: Instance) -> Schedule:
    """The schedule of `row` and `instance`, as this app sees it now."""
    return schedule_document(row.name, services.schedules, row, instance, task_hub_of(client), services.clock.now())


async def all_schedules(services: Services, client: DurableClient) -> list[Schedule]:
    """All schedules, in the order of schedules.yaml; up to 100 of them cost two requests."""
    rows = await services.store.rows()
    instances = await look_at_all(client, services.schedules)
    present = [
        await revived(services, client, rows.get(name, ScheduleRow(name)), instances[name])
        for name in services.schedules
    ]
    return [schedule_of(services, client, row, instance) for row, instance in present]
