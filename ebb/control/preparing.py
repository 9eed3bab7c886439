"""Prepares a cycle before its row is written: settings in force, what the clock allows, what waits in the sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ebb.control.budgets import budget_of
from ebb.control.dependencies import others_of
from ebb.core.carry import Carry
from ebb.core.cycle import CycleState
from ebb.core.documents import Backlog
from ebb.core.errors import EbbError, SettingsError
from ebb.core.planning.agenda import Agenda, Now, after_failing, after_measuring, backlog_of, before_measuring
from ebb.core.remarks import abandoned_executions
from ebb.core.row.checkin import number_of
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services


@dataclass(frozen=True)
class Preparation:
    """What was found outside the row: the settings in force, what to do, and the backlog or why it is not known."""

    settings: ScheduleSettings
    agenda: Agenda | None = None  # None: not looked, because the cycle may not act
    backlog: Backlog | None = None
    error: str | None = None
    abandoned: int = 0


async def prepare(services: Services, state: CycleState, row: ScheduleRow, now: datetime) -> Preparation:
    """Look at settings, clock and sources, in this order, as far as it takes to know what to do."""
    settings = services.schedules[state.schedule]
    opened = Now(
        time=now,
        idle=state.idle,
        errors=state.errors,
        triggered=state.triggered,
        cycle=number_of(row, state),
        seed=f"{state.schedule}/{state.cycle}",
    )
    try:
        settings = services.schedules.effective(state.schedule, row.overrides)
        opened = replace(opened, others=await others_of(services, settings), budget=await budget_of(services, settings))
        agenda = before_measuring(settings, state.carry, opened)
        if agenda is not None:
            return Preparation(settings, agenda)
        counts = await services.measure(settings, make=True)
        opened = replace(opened, abandoned=await still_abandoned(services, state.schedule, state.carry))
    except SettingsError as error:
        text = f"settings are refused: {error}"
        return Preparation(settings, after_failing(settings, state.carry, opened, text), error=text)
    except EbbError as error:
        return Preparation(settings, after_failing(settings, state.carry, opened, str(error)), error=str(error))
    agenda = after_measuring(settings, state.carry, opened, counts)
    return Preparation(settings, agenda, backlog_of(settings, counts, now), abandoned=opened.abandoned)


async def still_abandoned(services: Services, schedule: str, carry: Carry) -> int:
    """How many executions of earlier cycles have handlers that still run; asked while there were any, and at first."""
    if carry.began is not None and not carry.abandoned:
        return 0
    return await abandoned_executions(services.store, schedule, services.clock.now())
