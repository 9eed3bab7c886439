"""The schedules, as this app sees them now."""

from __future__ import annotations

from dataclasses import replace

from ebb.control.at_work import executions_at_work
from ebb.control.durable_sdk import DurableClient, task_hub_of
from ebb.control.instances import Instance, look_at_all
from ebb.control.revival import revived
from ebb.control.schedule_document import schedule_document
from ebb.core.parked import parked_by
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.schedule import Schedule
from ebb.services import Services


def schedule_of(services: Services, client: DurableClient, row: ScheduleRow, instance: Instance) -> Schedule:
    """The schedule of `row` and `instance`, as this app sees it now."""
    return schedule_document(row.name, services.schedules, row, instance, task_hub_of(client), services.clock.now())


async def whole_schedule(services: Services, client: DurableClient, row: ScheduleRow, instance: Instance) -> Schedule:
    """As `schedule_of`, with the executions at work and what they have parked; one request more if there are any."""
    schedule = schedule_of(services, client, row, instance)
    executions = tuple(await executions_at_work(services, row))
    parked = parked_by(executions, services.clock.now()) or schedule.parked
    return replace(schedule, executions=executions, parked=parked)


async def all_schedules(services: Services, client: DurableClient) -> list[Schedule]:
    """All schedules, in the order of schedules.yaml; up to 100 of them cost two requests."""
    rows = await services.store.rows()
    instances = await look_at_all(client, services.schedules)
    present = [
        await revived(services, client, rows.get(name, ScheduleRow(name)), instances[name])
        for name in services.schedules
    ]
    return [schedule_of(services, client, row, instance) for row, instance in present]
