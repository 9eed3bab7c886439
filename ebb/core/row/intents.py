"""What an operator's request makes of a schedule's row: pure rules, or the problem that stands against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from ebb.core.clock import rfc3339
from ebb.core.errors import RequestRefusedError
from ebb.core.row.fence import hub_of_owner
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.validation import merge_settings

START_LEASE = timedelta(seconds=30)  # how long one starter keeps others from starting the same instance


@dataclass(frozen=True)
class Operator:
    """Who asks, why, when, and from which task hub."""

    who: str | None
    reason: str | None
    now: datetime
    hub: str
    skew: timedelta = timedelta()


def acts_elsewhere(row: ScheduleRow, hub: str, now: datetime, skew: timedelta = timedelta()) -> bool:
    """Whether an instance of another task hub holds the fence."""
    if row.owner is None or row.owner_until is None or hub_of_owner(row.owner) == hub:
        return False
    return now < row.owner_until + skew


def started(
    row: ScheduleRow, instance: Instance, by: Operator, overrides: Mapping[str, Any] | None, base: Mapping[str, Any]
) -> ScheduleRow:
    """The row after a start; unchanged where the schedule runs already.

    Args:
        overrides: settings over the deployed ones, already validated; None leaves those in force.
        base: what the deployed settings say of `overrides`.

    Raises:
        RequestRefusedError: 409, it is still stopping, or runs with other settings than those asked for.
    """
    elsewhere = acts_elsewhere(row, by.hub, by.now, by.skew)
    if row.intent is Intent.STOPPED and (instance.is_live or elsewhere):
        raise _still_stopping(row, elsewhere)
    is_there = instance.is_live or elsewhere or is_starting(row, by.now)
    if row.intent is Intent.RUNNING and is_there:
        if overrides is not None and dict(row.overrides) != overrides:
            detail = "the schedule already runs with other settings; change them with PATCH .../settings"
            raise RequestRefusedError("alreadyRunning", detail)
        return row
    row = replace(_changed(row, Intent.RUNNING, by), restarts=0, error=None)
    if overrides is not None:
        row = replace(row, overrides=overrides, overrides_base=base)
    return row if is_there else launched(row, by.hub, by.now)


def launched(row: ScheduleRow, hub: str, now: datetime) -> ScheduleRow:
    """The row of a schedule for which an instance is about to be launched by whoever writes this."""
    return replace(row, hub=hub, launch=row.launch + 1, starting_until=now + START_LEASE)


def is_starting(row: ScheduleRow, now: datetime) -> bool:
    """Whether somebody is just launching an instance."""
    return row.starting_until is not None and row.starting_until > now


def stopped(row: ScheduleRow, by: Operator) -> ScheduleRow:
    """The row after a stop; unchanged where it was stopped before."""
    if row.intent is Intent.STOPPED:
        return row
    return replace(_changed(row, Intent.STOPPED, by), starting_until=None)


def paused(row: ScheduleRow, by: Operator, until: datetime | None) -> ScheduleRow:
    """The row after a pause, until `until` if that is given; a second pause replaces the first.

    Raises:
        RequestRefusedError: 409, it is stopped.
    """
    if row.intent is Intent.STOPPED:
        raise not_running(row)
    if row.intent is Intent.PAUSED and (row.reason, row.until) == (by.reason, until):
        return row
    return replace(_changed(row, Intent.PAUSED, by), until=until)


def resumed(row: ScheduleRow, instance: Instance, by: Operator) -> ScheduleRow:
    """The row after a resume; unchanged where it runs.

    Raises:
        RequestRefusedError: 409, it is stopped.
    """
    if row.intent is Intent.STOPPED:
        raise not_running(row)
    if row.intent is Intent.RUNNING:
        return row
    return started(row, instance, by, None, {})


def triggered(row: ScheduleRow, instance: Instance, by: Operator, identity: str) -> ScheduleRow:
    """The row with a trigger on it, which the next cycle takes up, due or not.

    Raises:
        RequestRefusedError: 409, there is no cycle that could.
    """
    if row.intent is not Intent.RUNNING:
        raise not_running(row)
    if not instance.is_live and acts_elsewhere(row, by.hub, by.now):
        detail = f"the schedule runs in task hub {hub_of_owner(row.owner or '')}; trigger it there"
        raise RequestRefusedError("runsElsewhere", detail)
    if not instance.is_live and not is_starting(row, by.now):
        detail = "the instance is gone although the schedule should run; start it, or wait for the watchdog"
        raise RequestRefusedError("notRunning", detail)
    return replace(row, triggered=identity)


def retuned(row: ScheduleRow, overrides: Mapping[str, Any], base: Mapping[str, Any]) -> ScheduleRow:
    """The row with these overrides; a setting that was overridden before keeps what the file said of it then."""
    if dict(row.overrides) == overrides:
        return row
    known = {key: value for key, value in (row.overrides_base or {}).items() if key in row.overrides}
    kept = {key: known.get(key, base.get(key)) for key in overrides}
    return replace(row, overrides=overrides, overrides_base=kept or None)


def cancelled(row: ScheduleRow, cycle: int, index: int, by: Operator) -> ScheduleRow:
    """The row that tells execution `index` of `cycle` to end, and no other; asked again, it is as before.

    Raises:
        RequestRefusedError: 404, the cycle is not at work.
    """
    name, known = f"{cycle}-{index}", row.cancelled or {}
    if all(entry.cycle != cycle for entry in row.unclosed):
        raise RequestRefusedError("unknownExecution", f"execution {name} is not at work: its cycle has ended")
    return row if name in known else replace(row, cancelled={**known, name: by.reason})


def merged_overrides(overrides: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`patch` over `overrides`: null removes a setting, within `source` too."""
    merged = merge_settings(overrides, patch)
    source = merged.get("source")
    if isinstance(source, dict):
        fields = cast("dict[str, Any]", source)
        merged["source"] = {key: value for key, value in fields.items() if value is not None} or None
    return {key: value for key, value in merged.items() if value is not None}


def not_running(row: ScheduleRow) -> RequestRefusedError:
    """409 for what can only be asked of a schedule that runs."""
    state = "paused" if row.intent is Intent.PAUSED else "stopped"
    way_out = "resume" if row.intent is Intent.PAUSED else "start"
    return RequestRefusedError("notRunning", f"the schedule is {state}; {way_out} it first")


def _changed(row: ScheduleRow, intent: Intent, by: Operator) -> ScheduleRow:
    return replace(
        row, intent=intent, reason=by.reason, changed_by=by.who, changed_at=by.now, until=None, triggered=None
    )


def _still_stopping(row: ScheduleRow, elsewhere: bool) -> RequestRefusedError:
    detail = "the instance is still stopping; try again when the state is stopped, or stop it with mode terminate"
    if elsewhere and row.owner and row.owner_until:
        detail = (
            f"an instance in task hub {hub_of_owner(row.owner)} is still stopping and holds the fence until "
            f"{rfc3339(row.owner_until)} at the latest; try again when the state is stopped"
        )
    return RequestRefusedError("stillStopping", detail, retryAfter=1)
