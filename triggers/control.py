"""Changes of intent: the row is written first, by compare-and-swap, and the instance is started or woken after."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from history.base import Intent, ScheduleRow, update
from scheduler.cycle import CycleState
from scheduler.names import ETERNAL_SCHEDULER, NUDGE, instance_id
from services import Services
from triggers.problems import ProblemError
from triggers.schedule_document import Instance

logger = logging.getLogger(__name__)

START_LEASE = timedelta(seconds=30)  # how long one starter keeps others from starting the same instance


async def look_at(client: df.DurableOrchestrationClient, name: str) -> Instance:
    """What Durable says of the instance of schedule `name`."""
    status: Any = await client.get_status(instance_id(name))
    if not status or status.runtime_status is None:
        return Instance()
    return Instance(status.runtime_status.name, status.custom_status, status.output)


async def start(
    services: Services,
    client: df.DurableOrchestrationClient,
    name: str,
    reason: str | None,
    overrides: dict[str, Any] | None,
    who: str | None,
) -> bool:
    """Make schedule `name` run. Of many callers at once exactly one starts the instance.

    Args:
        overrides: settings over the deployed ones, already validated; None leaves those in force.

    Returns:
        Whether this call changed anything.

    Raises:
        ProblemError: 409, it is still stopping, or runs with other settings than those asked for.
    """
    instance = await look_at(client, name)
    now = services.clock.now()
    won = False

    def change(row: ScheduleRow) -> ScheduleRow:
        nonlocal won
        won = False
        if instance.is_live and row.intent is Intent.STOPPED:
            detail = "the schedule is still stopping; try again when its state is stopped"
            raise ProblemError(409, "stillStopping", "Still stopping", detail)
        starting = row.starting_until is not None and row.starting_until > now
        if row.intent is Intent.RUNNING and (instance.is_live or starting):
            if overrides is not None and dict(row.overrides) != overrides:
                detail = "the schedule already runs with other settings; change them with PATCH .../settings"
                raise ProblemError(409, "alreadyRunning", "Already running", detail)
            return row
        won = True
        return replace(
            row,
            intent=Intent.RUNNING,
            reason=reason,
            changed_by=who,
            changed_at=now,
            until=None,
            overrides=row.overrides if overrides is None else overrides,
            overrides_base=row.overrides_base if overrides is None else {},
            starting_until=None if instance.is_live else now + START_LEASE,
            restarts=0,
            error=None,
        )

    await update(services.store, name, change, attempts=60)
    if won and instance.is_live:
        await nudge(client, name)
    elif won:
        await launch(client, name)
    return won


async def stop(
    services: Services, client: df.DurableOrchestrationClient, name: str, reason: str, mode: str, who: str | None
) -> tuple[bool, bool]:
    """Make schedule `name` stop: executions finish the messages in hand and take no more.

    Returns:
        Whether this call changed the intent, and whether the instance is still there.
    """
    now = services.clock.now()
    changed = False

    def change(row: ScheduleRow) -> ScheduleRow:
        nonlocal changed
        changed = row.intent is not Intent.STOPPED
        if not changed:
            return row
        stopped = replace(row, intent=Intent.STOPPED, reason=reason, changed_by=who, changed_at=now, until=None)
        return replace(stopped, starting_until=None)

    await update(services.store, name, change, attempts=60)
    instance = await look_at(client, name)
    if instance.is_live and mode == "terminate":
        await client.terminate(instance_id(name), reason)
    elif instance.is_live:
        await nudge(client, name)
    return changed, instance.is_live


async def launch(client: df.DurableOrchestrationClient, name: str) -> None:
    """Start the instance; that it runs already is as good."""
    # The SDK declares client.task_hub_name and never sets it; the binding that the host sent has it.
    task_hub = client._orchestration_bindings.task_hub_name
    first = CycleState(schedule=name, taskHub=task_hub)
    try:
        await client.start_new(ETERNAL_SCHEDULER, instance_id(name), first.to_json())
    except Exception:
        # A live id is refused with an untyped error (azure-functions-durable-python 410): ask what is there instead.
        if not (await look_at(client, name)).is_live:
            raise
        logger.info("%s: the instance was there already", name, extra={"schedule": name})


async def nudge(client: df.DurableOrchestrationClient, name: str) -> None:
    """End the wait of schedule `name`. A lost nudge costs one wait, nothing else, so a failure is only logged."""
    try:
        await client.raise_event(instance_id(name), NUDGE, None)
    except Exception as error:  # noqa: BLE001 - the client raises bare Exceptions
        logger.warning("%s: the nudge was not delivered: %s", name, error, extra={"schedule": name})
