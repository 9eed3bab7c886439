"""Closes a cycle: writes it down, counts it in the totals, renews the fence and says how long to wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ebb.core.calendar.ticks import Moment
from ebb.core.carry import Carry
from ebb.core.clock import parse_rfc3339
from ebb.core.cycle import CycleState, Ending
from ebb.core.errors import EbbError, StoreError
from ebb.core.planning.agenda import planned_after, worth_acting_on
from ebb.core.planning.decision import Wait
from ebb.core.planning.rates import observed_message_seconds
from ebb.core.planning.waits import next_wait
from ebb.core.row.checkin import counted, rested
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services
from ebb.sources.combined import measure_all
from ebb.store.base import update

logger = logging.getLogger(__name__)

TRIM_EVERY = 50  # cycles, or a twentieth of historyLimit: looking for the oldest reads the keys of all that are kept
TRIM_SECONDS = 10  # of the slack in which the instance has promised to go on; the watchdog has time for the rest


async def close(services: Services, order: Mapping[str, Any]) -> Ending:
    """Close the cycle of `order`: {"state", "settings", "received", "cycle" (Cycle document)}.

    Safe to repeat: the history is overwritten with the same, and the totals count a cycle once.

    Raises:
        StoreError: nothing or only the history was written; to be tried again.
    """
    cycle: dict[str, Any] = order["cycle"]
    state = CycleState.from_json(order["state"], "")
    settings = ScheduleSettings.model_validate(order["settings"])
    wait, carry = await _rest(services, settings, state, order)
    cycle["wait"] = wait.as_json()
    await services.store.write_cycle(state.schedule, cycle)

    def write(row: ScheduleRow) -> ScheduleRow:
        return rested(counted(row, cycle), state, cycle["cycle"], wait.seconds, services.clock.now(), carry)

    row = await update(services.store, state.schedule, write)
    services.telemetry.cycle_closed(state.schedule, cycle)
    if row.owner != state.owner:
        services.telemetry.fence_changed(state.schedule, "lost")
        return Ending(Wait(0, f"another instance acts for this schedule: {row.owner}"), fence_lost=True)
    await _trim(services, row, settings.history_limit)
    return Ending(wait, carry=carry)


async def _rest(
    services: Services, settings: ScheduleSettings, state: CycleState, order: Mapping[str, Any]
) -> tuple[Wait, Carry]:
    """The wait after this cycle and what the next one remembers; asks the sources what is left, to meet it at once."""
    cycle, carry, received = order["cycle"], state.carry, int(order["received"])
    executions: Sequence[Mapping[str, Any]] = cycle["executions"]
    if executions:
        settled = cycle["processed"] + cycle["poisoned"]
        left = sum(1 for execution in executions if execution.get("abandoned"))
        carry = carry.working(settled, observed_message_seconds(executions, settings.concurrency), left)
    remaining = await _remaining(services, settings, state) if received and not cycle["error"] else None
    now = services.clock.now()
    moment = Moment(
        now,
        opened=parse_rfc3339(cycle["startedAt"]),
        due=carry.due_at,
        began=carry.began_at,
        worked=carry.worked,
        seed=f"{state.schedule}/{cycle['cycle']}",
    )
    wait = next_wait(
        settings,
        received=received,
        remaining=remaining,
        idle_cycles=state.idle + 1,
        error_cycles=state.errors + 1 if cycle["error"] else 0,
        worked=bool(executions),
        moment=moment,
    )
    return wait, planned_after(settings, carry, wait, now)


async def _remaining(services: Services, settings: ScheduleSettings, state: CycleState) -> int | None:
    try:
        return worth_acting_on(settings, await measure_all(settings, services.source))
    except EbbError as error:
        logger.warning("%s: what is left was not counted: %s", state.schedule, error)
        return None


async def _trim(services: Services, row: ScheduleRow, limit: int) -> None:
    """Keep the history to its limit, now and then. The cycle is closed already: no failure here is one of its own."""
    if row.history_count <= limit or row.totals.cycles % max(TRIM_EVERY, limit // 20):
        return
    try:
        async with asyncio.timeout(TRIM_SECONDS):
            await services.store.trim(row.name, keep=limit)
        await update(services.store, row.name, lambda row: replace(row, history_count=min(row.history_count, limit)))
    except (StoreError, TimeoutError) as error:
        cause = str(error) or f"it takes more than {TRIM_SECONDS} s"
        logger.warning("%s: the history was not trimmed: %s", row.name, cause, extra={"schedule": row.name})
