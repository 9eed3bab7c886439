"""The plan under settings that nobody has set yet: the next cycle, and what the recorded cycles would have decided.

The recorded part is the planner alone, asked again with each backlog as it was counted. Other decisions would have led
to other backlogs; for those there is `ebb simulate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_inside
from ebb.control.plan_preview import following, plan_under
from ebb.core.carry import Carry
from ebb.core.clock import parse_rfc3339
from ebb.core.documents import Backlog, Cycle
from ebb.core.plan import OtherPlan, PlannedAgain
from ebb.core.planning.agenda import Count, Now, decide
from ebb.core.row.intents import merged_overrides
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

MOST_CYCLES = 200


async def what_if(
    services: Services, client: DurableClient, name: str, patch: Mapping[str, Any], cycles: int
) -> OtherPlan:
    """The plan of schedule `name` as it would be with `patch` over the overrides in force; changes nothing.

    Args:
        cycles: how many recorded cycles are asked again, the latest ones; those with a count are told.

    Raises:
        RequestRefusedError: no source can be reached.
        SettingsError: the settings cannot be used.
    """
    row, (instance, state) = await services.store.get(name), await look_inside(client, name)
    overrides = merged_overrides(row.overrides, patch)
    settings = services.check_settings(name, overrides)
    known = following(row, instance, state)
    plan = await plan_under(services, replace(row, overrides=overrides), known)
    past = (await services.store.cycles(name, cycles)).read(Cycle)
    recorded = [_again(settings, known.carry, each, each.backlog) for each in past if each.backlog is not None]
    members = {"settings": settings.to_document(), "recorded": [each.to_document() for each in recorded]}
    return OtherPlan.from_document({**plan.to_document(), **members})


def _again(settings: ScheduleSettings, carry: Carry, cycle: Cycle, backlog: Backlog) -> PlannedAgain:
    counts, now = _counts(settings, backlog), Now(parse_rfc3339(backlog.measured_at), cycle=cycle.cycle)
    fits = len(counts) == len(settings.all_sources)
    return PlannedAgain(
        cycle=cycle.cycle,
        measured_at=backlog.measured_at,
        backlog=backlog.count,
        executions=cycle.decision.executions if cycle.decision else None,
        planned=decide(settings, carry, now, counts).decision if fits else None,
    )


def _counts(settings: ScheduleSettings, backlog: Backlog) -> list[Count]:
    """What was counted of each source; the single count where there was one source."""
    if settings.source is not None or backlog.sources is None:
        return [Count(backlog.count)]
    return [Count(each.count or 0, error=each.error) for each in backlog.sources]
