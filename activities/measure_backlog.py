"""Activity: open a cycle. Reads the intent, takes or renews the fence, counts the backlog and plans."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df

from activities.checkin import checked_in, number_of, verdict_of
from history.base import ScheduleRow, update
from scheduler.clock import rfc3339
from scheduler.cycle import CycleState, Opening, Verdict
from scheduler.errors import EbbError, SettingsError, StoreError
from scheduler.names import MEASURE_BACKLOG, instance_id
from scheduler.planning import Decision, Wait, error_wait, next_wait, plan
from scheduler.settings import ScheduleSettings
from services import Services

logger = logging.getLogger(__name__)


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(MEASURE_BACKLOG)
    @bp.activity_trigger(input_name="state")
    async def measure_backlog(state: dict[str, Any]) -> dict[str, Any]:
        cycle_state = CycleState.from_json(state, instance_id(str(state.get("schedule"))))
        opening = await open_cycle(services, cycle_state)
        logger.info(
            "%s cycle %s: %s, %s",
            cycle_state.schedule,
            opening.cycle,
            opening.verdict.value,
            opening.decision.reason or opening.wait.reason,
            extra={"schedule": cycle_state.schedule, "cycle": opening.cycle},
        )
        return opening.to_json()

    return bp


@dataclass(frozen=True)
class _Measurement:
    """What was found outside the row: the settings in force and the backlog, or why not."""

    settings: ScheduleSettings | None
    backlog: int | None = None
    error: str | None = None


async def open_cycle(services: Services, state: CycleState) -> Opening:
    """Open the cycle of `state`: expected failures are part of the answer, never raised."""
    name, now = state.schedule, services.clock.now()
    if name not in services.schedules:
        return await _leave(services, state, f"schedule {name} is no longer in schedules.yaml")
    file_settings, skew = services.schedules[name], timedelta(seconds=services.clock_skew)
    opening = Opening(Verdict.GO, error_wait(state.errors + 1), started_at=rfc3339(now))
    try:
        row = await services.store.get(name)
        early = verdict_of(row, state, now, skew, file_settings)
        found = _Measurement(file_settings) if early else await _measure(services, name, row)

        def write(row: ScheduleRow) -> ScheduleRow:
            nonlocal opening
            opening = verdict_of(row, state, now, skew, file_settings) or _go(row, state, found, now)
            return checked_in(row, state, opening, (found.settings or file_settings).replica_timeout, now)

        await update(services.store, name, write)
    except StoreError as error:
        wait = error_wait(state.errors + 1, file_settings.polling_interval, file_settings.max_polling_interval)
        return replace(opening, wait=wait, decision=Decision(0, f"not measured: {error}"), error=str(error))
    return opening


async def _measure(services: Services, name: str, row: ScheduleRow) -> _Measurement:
    settings = services.schedules[name]
    try:
        settings = services.schedules.effective(name, row.overrides)
        async with services.source(settings) as source:
            backlog = await source.measure()
    except SettingsError as error:
        return _Measurement(settings, error=f"settings are refused: {error}")
    except EbbError as error:
        return _Measurement(settings, error=str(error))
    return _Measurement(settings, backlog.count)


def _go(row: ScheduleRow, state: CycleState, found: _Measurement, now: datetime) -> Opening:
    """The opening of a cycle that may act on what was found."""
    settings = found.settings
    assert settings is not None
    opened = Opening(
        Verdict.GO,
        Wait(0, ""),
        cycle=number_of(row, state),
        started_at=rfc3339(now),
        settings=settings.as_json(),
        error=found.error,
    )
    if found.backlog is None and found.error is None:
        changed = Wait(0, "the intent changed while the cycle opened; measuring at once")
        return replace(opened, wait=changed, decision=Decision(0, changed.reason))
    if found.backlog is None:
        wait = next_wait(settings, error_cycles=state.errors + 1)
        return replace(opened, wait=wait, decision=Decision(0, f"not measured: {found.error}"))
    backlog = {"count": found.backlog, "measuredAt": rfc3339(now)}
    wait = next_wait(settings, idle_cycles=state.idle + 1)
    return replace(opened, wait=wait, decision=plan(settings, found.backlog), backlog=backlog)


async def _leave(services: Services, state: CycleState, reason: str) -> Opening:
    """End this instance and let go of its fence, if the store lets us; the lease runs out by itself otherwise."""
    opening = Opening(Verdict.END, Wait(0, reason))
    try:
        await update(
            services.store,
            state.schedule,
            lambda row: row.released(services.clock.now()) if row.owner == state.owner else row,
        )
    except StoreError as error:
        logger.warning("%s: the fence was not let go: %s", state.schedule, error, extra={"schedule": state.schedule})
    return opening
