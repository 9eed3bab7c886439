"""Activity: close a cycle. Writes it down, counts it in the totals, renews the fence and says how long to wait."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import azure.durable_functions as df

from activities.checkin import counted, rested
from history.base import ScheduleRow, update
from scheduler.cycle import CycleState, Ending
from scheduler.errors import EbbError
from scheduler.names import CLOSE_CYCLE
from scheduler.planning import Wait, next_wait
from scheduler.settings import ScheduleSettings
from services import Services

logger = logging.getLogger(__name__)

TRIM_SLACK = 50  # cycles above historyLimit before the oldest are forgotten: trimming each time costs a query


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(CLOSE_CYCLE)
    @bp.activity_trigger(input_name="order")
    async def close_cycle(order: dict[str, Any]) -> dict[str, Any]:
        return (await close(services, order)).to_json()

    return bp


async def close(services: Services, order: Mapping[str, Any]) -> Ending:
    """Close the cycle of `order`: {"state", "settings", "received", "cycle" (Cycle document)}.

    Safe to repeat: the history is overwritten with the same, and the totals count a cycle once.

    Raises:
        StoreError: nothing or only the history was written; to be tried again.
    """
    cycle: dict[str, Any] = order["cycle"]
    state = CycleState.from_json(order["state"], "")
    settings = ScheduleSettings.model_validate(order["settings"])
    wait = await _next_wait(services, settings, state, order)
    await services.store.write_cycle(state.schedule, cycle)

    def write(row: ScheduleRow) -> ScheduleRow:
        return rested(counted(row, cycle), state, cycle["cycle"], wait.seconds, services.clock.now())

    row = await update(services.store, state.schedule, write)
    if row.owner != state.owner:
        return Ending(Wait(0, f"another instance acts for this schedule: {row.owner}"), fence_lost=True)
    if row.history_count > settings.history_limit + TRIM_SLACK:
        await _trim(services, state.schedule, settings.history_limit)
    return Ending(wait)


async def _next_wait(
    services: Services, settings: ScheduleSettings, state: CycleState, order: Mapping[str, Any]
) -> Wait:
    """The wait after this cycle; asks the source what is left, so that a backlog that remains is met at once."""
    if order["cycle"]["error"]:
        return next_wait(settings, error_cycles=state.errors + 1)
    received, remaining = int(order["received"]), None
    if received:
        try:
            async with services.source(settings) as source:
                backlog = await source.measure()
            remaining = None if backlog.periodic else backlog.count
        except EbbError as error:
            logger.warning("%s: what is left was not counted: %s", state.schedule, error)
    return next_wait(settings, received=received, remaining=remaining, idle_cycles=state.idle + 1)


async def _trim(services: Services, schedule: str, limit: int) -> None:
    await services.store.trim(schedule, keep=limit)
    await update(services.store, schedule, lambda row: replace(row, history_count=min(row.history_count, limit)))
