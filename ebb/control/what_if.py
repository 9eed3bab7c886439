"""The plan under settings that nobody has set yet: the next cycle, and what the recorded cycles would have decided.

The recorded part is the planner alone, asked again with each backlog as it was counted. Other decisions would have led
to other backlogs; for those there is `ebb simulate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import azure.durable_functions as df  # pyright: ignore[reportMissingTypeStubs]

from ebb.control.instances import look_inside
from ebb.control.plan_preview import following, plan_document
from ebb.core.carry import Carry
from ebb.core.clock import parse_rfc3339
from ebb.core.planning.agenda import Count, Now, decide
from ebb.core.row.intents import merged_overrides
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services

MOST_CYCLES = 200


async def what_if(
    services: Services, client: df.DurableOrchestrationClient, name: str, patch: Mapping[str, Any], cycles: int
) -> dict[str, Any]:
    """The Plan document of schedule `name` as it would be with `patch` over the overrides in force; changes nothing.

    Besides the members of the plan: "settings" that would be in force, and "recorded": for each of the last `cycles`
    cycles with a count {"cycle", "measuredAt", "backlog", "executions", "planned" (Decision or None)}.

    Raises:
        RequestRefusedError: no source can be reached.
        SettingsError: the settings cannot be used.
    """
    row, (instance, state) = await services.store.get(name), await look_inside(client, name)
    overrides = merged_overrides(row.overrides, patch)
    settings = services.check_settings(name, overrides)
    known = following(row, instance, state)
    document = await plan_document(services, replace(row, overrides=overrides), known)
    page = await services.store.cycles(name, cycles)
    counted = [cycle for cycle in page.value if cycle.get("backlog")]
    recorded = [_again(settings, known.carry, cycle) for cycle in counted]
    return {**document, "settings": settings.to_document(), "recorded": recorded}


def _again(settings: ScheduleSettings, carry: Carry, cycle: Mapping[str, Any]) -> dict[str, Any]:
    backlog = cycle["backlog"]
    counts, now = _counts(settings, backlog), Now(parse_rfc3339(backlog["measuredAt"]), cycle=int(cycle["cycle"]))
    decision = cast("Mapping[str, Any]", cycle.get("decision") or {})
    fits = len(counts) == len(settings.all_sources)
    return {
        "cycle": cycle["cycle"],
        "measuredAt": backlog["measuredAt"],
        "backlog": backlog["count"],
        "executions": decision.get("executions"),
        "planned": decide(settings, carry, now, counts).decision.to_document() if fits else None,
    }


def _counts(settings: ScheduleSettings, backlog: Mapping[str, Any]) -> list[Count]:
    """What was counted of each source; the single count where there was one source."""
    parts = backlog.get("sources")
    if settings.source is not None or parts is None:
        return [Count(int(backlog["count"]))]
    return [Count(int(part.get("count") or 0), error=part.get("error")) for part in parts]
