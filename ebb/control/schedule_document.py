"""The Schedule document of the API, put together from settings, the store's row and the instance's live status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ebb.control.instances import Instance
from ebb.core.clock import rfc3339
from ebb.core.decision import Decision
from ebb.core.documents import Backlog
from ebb.core.errors import SettingsError
from ebb.core.failures import CODE_CHANGED, first_line
from ebb.core.names import instance_id
from ebb.core.parked import parked_at_end
from ebb.core.row.fence import hub_of_owner
from ebb.core.row.intents import acts_elsewhere, is_starting
from ebb.core.row.looks import BLOCK, looks_of
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.schedule import Schedule
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.warnings import warnings_of
from ebb.core.wording import counted


def state_of(row: ScheduleRow, instance: Instance, hub: str, now: datetime) -> str:
    """One word for the schedule: stopped, starting, running, paused, stopping or failed."""
    elsewhere = acts_elsewhere(row, hub, now)
    if row.intent is Intent.STOPPED:
        return "stopping" if instance.is_live or elsewhere else "stopped"
    if row.intent is Intent.PAUSED:
        return "paused"
    if instance.is_live:
        return "starting" if instance.status == "Pending" or not instance.custom else "running"
    if elsewhere:
        return "running"
    return "starting" if is_starting(row, now) else "failed"


def schedule_document(
    name: str, schedules: Schedules, row: ScheduleRow, instance: Instance, hub: str, now: datetime
) -> Schedule:
    """What `GET /api/schedules/{name}` answers."""
    state = state_of(row, instance, hub, now)
    live = dict(instance.custom or {}) if instance.is_live else {}
    settings, warnings = _settings(name, schedules, row)
    last_cycle = dict(row.last_cycle) if row.last_cycle else None
    backlog = live.get("backlog")
    decision = live.get("decision") or (last_cycle or {}).get("decision")
    return Schedule(
        name=name,
        state=state,
        phase=_phase(row, instance, live, hub, now),
        phase_since=rfc3339(instance.updated_at) if instance.is_live and instance.updated_at else None,
        reason=row.reason,
        until=rfc3339(row.until) if row.until else None,
        changed_by=row.changed_by,
        changed_at=rfc3339(row.changed_at) if row.changed_at else None,
        instance_id=instance_id(name),
        task_hub=hub_of_owner(row.owner) if row.owner else row.hub,
        cycle=live.get("cycle") or row.cycle,
        backlog=Backlog.from_document(backlog) if backlog else row.backlog,
        decision=Decision.from_document(decision) if decision else None,
        abandoned=live.get("abandoned") or 0,
        last_cycle=last_cycle,
        next_cycle_at=_next_cycle_at(row, live),
        next_cycle_reason=live.get("nextCycleReason"),
        recent=tuple([look.at, look.backlog, look.executions] for look in looks_of(row.looks)[-2 * BLOCK :]),
        totals=row.totals,
        error=_error(state, live, row, instance),
        last_error=row.last_error,
        failed_cycles=row.failures,
        poison=row.poison,
        parked=parked_at_end(last_cycle, now),
        settings=settings.to_document(),
        overrides=row.overrides,
        warnings=(*warnings, *warnings_of(settings), *_warnings(row, instance, hub, now)),
    )


def _settings(name: str, schedules: Schedules, row: ScheduleRow) -> tuple[ScheduleSettings, list[str]]:
    """The settings in force, and what is to be said of the overrides."""
    deployed = schedules[name]
    try:
        settings = schedules.effective(name, row.overrides)
    except SettingsError as error:
        return deployed, [f"the overrides do not fit the deployed settings; change or reset them: {error}"]
    present, warnings = deployed.to_document(), list[str]()
    for key, before in (row.overrides_base or {}).items():
        if key in row.overrides and before != present.get(key):
            warnings.append(
                f"{key} is overridden with {_text(row.overrides[key])}; schedules.yaml said {_text(before)} then and "
                f"says {_text(present.get(key))} now"
            )
    return settings, warnings


def _warnings(row: ScheduleRow, instance: Instance, hub: str, now: datetime) -> list[str]:
    warnings: list[str] = []
    if acts_elsewhere(row, hub, now) and row.owner and row.owner_until:
        warnings.append(
            f"the instance that acts for this schedule is in task hub {hub_of_owner(row.owner)}, with the fence until "
            f"{rfc3339(row.owner_until)}; this app works in task hub {hub}"
        )
    if row.intent is Intent.PAUSED and not instance.is_live and not acts_elsewhere(row, hub, now):
        at_end = "the watchdog starts one when the pause is over, resume at once" if row.until else "resume starts one"
        warnings.append(f"no instance is there while the schedule is paused; {at_end}")
    if instance.status == "Suspended":
        replaced = "resume it there, or the watchdog replaces it once it is overdue"
        stuck = "nothing goes on until it is resumed there"
        runs = row.intent is Intent.RUNNING
        warnings.append(f"the instance is suspended in Durable Functions; {replaced if runs else stuck}")
    waiting = [entry.cycle for entry in row.unclosed if entry.cycle < row.cycle]
    if waiting:
        cycles = f"{'cycle' if len(waiting) == 1 else 'cycles'} {', '.join(map(str, waiting))}"
        warnings.append(f"not written down yet: {cycles}; history and totals get it as soon as the store takes it")
    if row.failures > 1:
        warnings.append(f"nothing succeeded in the last {row.failures} cycles with work")
    if row.restarts:
        when = f", last at {rfc3339(row.restarted_at)}" if row.restarted_at else ""
        times, cause = counted(row.restarts, "time"), f": {row.restart_cause}" if row.restart_cause else ""
        warnings.append(f"it was started again {times} in a row{when}{cause}")
    return warnings


def _next_cycle_at(row: ScheduleRow, live: Mapping[str, Any]) -> str | None:
    """A schedule that is paused looks at its intent now and then; that is not a cycle, so the pause's end counts."""
    if row.intent is Intent.PAUSED:
        return rfc3339(row.until) if row.until else None
    return live.get("nextCycleAt")


def _phase(row: ScheduleRow, instance: Instance, live: Mapping[str, Any], hub: str, now: datetime) -> str | None:
    if instance.is_live:
        return live.get("phase")
    if acts_elsewhere(row, hub, now):
        return "processing" if row.working_until is not None and now < row.working_until else "waiting"
    return None


def _error(state: str, live: Mapping[str, Any], row: ScheduleRow, instance: Instance) -> str | None:
    if state == "failed":
        found = "is gone" if instance.status is None else f"is {instance.status}"
        said = f": {first_line(str(instance.output))}" if instance.output else ""
        if instance.code_changed:
            return f"{CODE_CHANGED}: the instance was begun with another version of the app or its SDK and cannot go on"
        return f"the instance {found} although the schedule should run; the watchdog will start it again{said}"
    return live.get("error") or row.error


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
