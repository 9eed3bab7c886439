"""When a schedule fires next, for `GET .../next`: from its settings in force, its start and its present wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_inside
from ebb.core.calendar.forecast import fire_times
from ebb.core.carry import carry_of
from ebb.core.clock import parse_rfc3339
from ebb.core.next_times import NextTimes
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.services import Services


async def next_times(services: Services, client: DurableClient, name: str, count: int) -> NextTimes:
    """The next `count` times; those of a schedule that is stopped or paused are told as if it went on now.

    Raises:
        SettingsError: the overrides do not fit the deployed settings.
        RequestRefusedError: 503, Durable does not answer.
    """
    row, (instance, state) = await services.store.get(name), await look_inside(client, name)
    settings = services.schedules.effective(name, row.overrides)
    now = services.clock.now()
    carry = carry_of(row.memory, row.changed_at) or (state.carry if state else None)
    runs = row.intent is Intent.RUNNING and state is not None
    found = fire_times(
        settings,
        now,
        count,
        began=carry.began_at if runs and carry else None,
        following=_following(instance.custom or {}, now) if runs else None,
        idle=state.idle if state else 0,
    )
    return NextTimes(
        name=name,
        time_zone=settings.time_zone,
        wait_mode=settings.wait_mode,
        blocked_by=_blocked(row),
        value=tuple(each.told() for each in found),
    )


def _following(custom: Mapping[str, Any], now: datetime) -> tuple[datetime, str]:
    """When the next cycle begins by the instance's own word; of one at work, when that has ended."""
    at, reason = custom.get("nextCycleAt"), str(custom.get("nextCycleReason") or "")
    if at:
        return max(parse_rfc3339(str(at)), now), reason
    return now, "after the cycle at work has ended"


def _blocked(row: ScheduleRow) -> str | None:
    if row.intent is Intent.RUNNING:
        return None
    return f"{row.intent.value}: {row.reason}" if row.reason else row.intent.value
