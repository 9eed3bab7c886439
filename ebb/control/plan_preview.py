"""What the next cycle of a schedule would do, and why. Looks, and changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ebb.control.budgets import budget_of
from ebb.control.dependencies import others_of
from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import Instance, look_inside
from ebb.control.preparing import still_abandoned
from ebb.core.carry import carry_of
from ebb.core.clock import rfc3339
from ebb.core.cycle import CycleState
from ebb.core.errors import RequestRefusedError, SettingsError, SourceError
from ebb.core.plan import KnownRates, Plan, Share
from ebb.core.planning.agenda import (
    Agenda,
    Count,
    Now,
    after_failing,
    after_measuring,
    backlog_of,
    before_measuring,
)
from ebb.core.planning.budgets import budget_now
from ebb.core.planning.dependencies import those_before
from ebb.core.planning.keys import key_limits
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

MEASURE_SECONDS = 15.0


async def plan_of(services: Services, client: DurableClient, name: str) -> Plan:
    """The plan of schedule `name`.

    Raises:
        RequestRefusedError: no source can be reached.
    """
    row, (instance, state) = await services.store.get(name), await look_inside(client, name)
    plan = await plan_under(services, row, following(row, instance, state))
    waits_until = None if state is None else (instance.custom or {}).get("nextCycleAt")
    return plan if waits_until is None else replace(plan, begins_at=max(plan.begins_at, waits_until))


async def plan_under(services: Services, row: ScheduleRow, known: CycleState) -> Plan:
    """The plan: what the next cycle does, when, why, and what is known of the schedule's speed.

    Args:
        known: what the next cycle begins with.

    Raises:
        RequestRefusedError: 503, no source can be reached.
    """
    now = services.clock.now()
    opened = Now(now, known.idle, known.errors, cycle=known.cycle or row.cycle + 1, seed=f"{row.name}/{known.cycle}")
    settings = services.schedules[row.name]
    counts: list[Count] = []
    try:
        settings = services.schedules.effective(row.name, row.overrides)
        opened = replace(opened, others=await others_of(services, settings), budget=await budget_of(services, settings))
        counts = await _measured(settings, services)
        opened = replace(opened, abandoned=await still_abandoned(services, row.name, known.carry))
        agenda, begins_at = _foreseen(settings, known, opened, counts)
    except SettingsError as error:
        agenda, begins_at = after_failing(settings, known.carry, opened, f"settings are refused: {error}"), now
    backlog, seconds = backlog_of(settings, counts, now) if counts else None, agenda.carry.message_seconds
    return Plan(
        name=row.name,
        begins_at=rfc3339(begins_at),
        blocked_by=_blocked(row),
        backlog=backlog,
        decision=agenda.decision,
        shares=_shares(settings, agenda),
        wait=agenda.wait if agenda.decision.executions == 0 else None,
        rates=KnownRates(message_seconds=seconds, arrivals_per_second=agenda.carry.arrivals),
        missed_ticks=known.carry.missed,
        budget=budget_now(settings.budget, opened.budget, now),
        per_key=key_limits(settings.per_key, backlog.count if backlog else None, seconds),
        after=those_before(known.carry, opened.others),
    )


def following(row: ScheduleRow, instance: Instance, state: CycleState | None) -> CycleState:
    """What the next cycle begins with, as far as the present one can tell; where none is live, as a start would."""
    if state is None:
        return CycleState(row.name)
    carry = carry_of(row.memory, row.changed_at) or state.carry
    custom = instance.custom or {}
    if not instance.is_waiting:
        return replace(state, carry=carry)
    cycle, failed, idle = custom.get("cycle"), custom.get("error") is not None, state.idle
    if cycle is not None and not failed:  # without a number it was held back, or not opened: it counts for nothing
        last = row.last_cycle or {}
        worked = last.get("cycle") == cycle and any(last[key] for key in ("processed", "failed", "poisoned"))
        idle = 0 if worked else idle + 1
    return replace(
        state,
        carry=carry,
        cycle=state.cycle if cycle is None else cycle + 1,
        idle=idle,
        errors=state.errors + 1 if failed else 0,
    )


def _foreseen(
    settings: ScheduleSettings, state: CycleState, now: Now, counts: Sequence[Count]
) -> tuple[Agenda, datetime]:
    """The agenda of the next cycle that may act, with the backlog of now, and when that cycle begins."""
    moment, carry = now, state.carry
    early = before_measuring(settings, carry, moment)
    if early is not None and early.end is None:
        begins_at, carry = early.wait.end(moment.time), early.carry
        moment = replace(moment, time=begins_at, measured=now.time)
        early = before_measuring(settings, carry, moment)
    if early is not None:
        return early, moment.time
    return after_measuring(settings, carry, moment, counts), moment.time


async def _measured(settings: ScheduleSettings, services: Services) -> list[Count]:
    try:
        return await asyncio.wait_for(services.measure(settings), MEASURE_SECONDS)
    except (SourceError, TimeoutError) as error:
        detail = str(error) or f"the source did not answer within {MEASURE_SECONDS:g} s"
        raise RequestRefusedError("sourceUnavailable", detail) from error


def _blocked(row: ScheduleRow) -> str | None:
    """Why no cycle comes although one is planned."""
    if row.intent is Intent.RUNNING:
        return None
    return f"{row.intent.value}: {row.reason}" if row.reason else row.intent.value


def _shares(settings: ScheduleSettings, agenda: Agenda) -> tuple[Share, ...] | None:
    """How many executions each source gets; None where there is one source."""
    if settings.source is not None:
        return None
    granted = Counter(agenda.shares)
    return tuple(Share(name=each.label(), executions=granted[index]) for index, each in enumerate(settings.all_sources))
