"""Gathers what is known of a schedule around a moment, for `GET .../why`. Reads what is kept; asks no source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ebb.control.durable_sdk import DurableClient
from ebb.control.executions import present_cycle
from ebb.control.instances import look_at
from ebb.control.sampling import looks_since
from ebb.control.schedules import schedule_of
from ebb.core.carry import carry_of
from ebb.core.clock import parse_rfc3339
from ebb.core.document import Json
from ebb.core.errors import SettingsError
from ebb.core.pages import Span
from ebb.core.row.schedule_row import ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.why import Ahead, IntentThen, Past, drained_in, intent_at, settings_then, why
from ebb.core.why.answer import Why
from ebb.services import Services

CYCLES = 50  # that ended before the moment, at most
EVENTS = 1000  # before the moment, and after it, at most
STEPS = tuple(timedelta(minutes=each) for each in (1, 15, 120, 720, 2880))  # after it, until a cycle is found

Documents = Sequence[Mapping[str, Any]]


async def why_of(services: Services, client: DurableClient, name: str, at: datetime | None) -> Why:
    """Why schedule `name` did, or did not, run at a time.

    Args:
        at: an aware time, in the zone in which the answer is to speak; None is now, in the schedule's zone.

    Raises:
        StoreError: the history cannot be read.
        RequestRefusedError: 503, Durable does not answer.
    """
    row, instance, now = await services.store.get(name), await look_at(client, name), services.clock.now()
    asked = at or now.astimezone(services.schedules[name].zone)
    before, after = await asyncio.gather(_events(services, name, None, asked), _events(services, name, asked, None))
    changed = settings_then(after, asked)
    settings = _settings(services, row, changed)
    back = timedelta(hours=2, seconds=2 * settings.max_polling_interval)
    cycles, looks = await asyncio.gather(
        _cycles(services, client, name, asked), looks_since(services.store, row, asked - back)
    )
    intent = intent_at(before, asked) or _without_an_event(row, asked, settings, len(before) + len(after))
    past = Past(
        name=name,
        at=asked,
        now=now,
        settings=settings,
        intent=intent,
        began=_began(row, asked, intent),
        cycles=cycles,
        looks=looks,
        incidents=[each for each in (*before, *after) if _is_incident(each, asked, back)],
        retuned=changed,
        ahead=[await _ahead(services, client, other, asked) for other in settings.after],
        live=schedule_of(services, client, row, instance).to_document(),
    )
    return why(past).told(name, asked)


async def _events(services: Services, name: str, start: datetime | None, end: datetime | None) -> list[Json]:
    return (await services.store.events(name, None, EVENTS, span=Span(start, end))).value


async def _cycles(services: Services, client: DurableClient, name: str, at: datetime) -> list[Mapping[str, Any]]:
    """The cycles that ended before `at`, the first ones that ended after it, and the one at work now."""
    found: list[Mapping[str, Any]] = [*(await services.store.cycles(name, CYCLES, span=Span(None, at))).value]
    for step in (*STEPS, None):
        page = await services.store.cycles(name, 1000, span=Span(at, at + step if step else None))
        found += page.value
        if page.value:
            break
    present = await present_cycle(services, client, name)
    return [*found, present.to_document()] if present else found


async def _ahead(services: Services, client: DurableClient, name: str, at: datetime) -> Ahead:
    """How a schedule that another one comes after stood at `at`."""
    cycles = await _cycles(services, client, name, at)

    def ended(cycle: Mapping[str, Any]) -> datetime | None:
        return parse_rfc3339(cycle["endedAt"]) if cycle.get("endedAt") else None

    done = [each for each in cycles if (end := ended(each)) is not None and end <= at]
    open_then = (each for each in cycles if each not in done and each.get("startedAt"))
    working = next((each for each in open_then if parse_rfc3339(each["startedAt"]) <= at), None)
    return Ahead(name=name, drained=drained_in(done), working=working)


def _settings(services: Services, row: ScheduleRow, changed: Mapping[str, Any] | None) -> ScheduleSettings:
    """What is deployed now, for no other is kept, with the overrides of that time."""
    try:
        return services.schedules.effective(row.name, changed["before"] if changed else row.overrides)
    except SettingsError:
        return services.schedules[row.name]


def _without_an_event(row: ScheduleRow, at: datetime, settings: ScheduleSettings, events: int) -> IntentThen | None:
    """The intent where no event tells it: by the row if it is older, stopped if nothing was forgotten; else unknown."""
    if row.changed_at is not None and row.changed_at <= at:
        return IntentThen(
            intent=row.intent.value, since=row.changed_at, by=row.changed_by, reason=row.reason, until=row.until
        )
    return IntentThen(intent="stopped") if events < settings.history_limit else None


def _began(row: ScheduleRow, at: datetime, intent: IntentThen | None) -> datetime | None:
    """When the run of the schedule began that `at` lies in; of an earlier run, when it was started."""
    carry = carry_of(row.memory, row.changed_at)
    began = carry.began_at if carry else None
    return began if began is not None and began <= at else intent.since if intent else None


def _is_incident(event: Mapping[str, Any], at: datetime, span: timedelta) -> bool:
    return event.get("kind") == "incident" and abs(parse_rfc3339(event["at"]) - at) <= span
