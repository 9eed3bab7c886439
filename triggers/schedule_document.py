"""The Schedule document of the API, put together from settings, the store's row and the instance's live status."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from history.base import Intent, ScheduleRow
from scheduler.errors import SettingsError
from scheduler.names import instance_id
from scheduler.schedules import Schedules

LIVE = frozenset({"Running", "Pending", "ContinuedAsNew", "Suspended"})


@dataclass(frozen=True)
class Instance:
    """What Durable Functions says of the schedule's instance; `status` is None where there is none."""

    status: str | None = None
    custom: Mapping[str, Any] | None = None
    output: Any = None

    @property
    def is_live(self) -> bool:
        """Whether it can still act."""
        return self.status in LIVE


def state_of(row: ScheduleRow, instance: Instance) -> str:
    """One word for the schedule: stopped, starting, running, paused, stopping or failed."""
    if row.intent is Intent.STOPPED:
        return "stopping" if instance.is_live else "stopped"
    if instance.is_live:
        if instance.status == "Pending" or not instance.custom:
            return "starting"
        return "paused" if row.intent is Intent.PAUSED else "running"
    return "starting" if row.starting_until is not None else "failed"


def schedule_document(name: str, schedules: Schedules, row: ScheduleRow, instance: Instance) -> dict[str, Any]:
    """The document that `GET /api/schedules/{name}` answers."""
    state = state_of(row, instance)
    live = dict(instance.custom or {}) if instance.is_live else {}
    warnings: list[str] = []
    try:
        settings = schedules.effective(name, row.overrides)
    except SettingsError as error:
        settings = schedules[name]
        warnings.append(f"the overrides do not fit the deployed settings and are left out: {error}")
    last_cycle = dict(row.last_cycle) if row.last_cycle else None
    return {
        "name": name,
        "state": state,
        "phase": live.get("phase") if state in ("running", "stopping", "paused") else None,
        "reason": row.reason,
        "instanceId": instance_id(name),
        "cycle": live.get("cycle") or row.cycle,
        "backlog": live.get("backlog") or row.backlog,
        "decision": live.get("decision") or (last_cycle or {}).get("decision"),
        "lastCycle": last_cycle,
        "nextCycleAt": live.get("nextCycleAt"),
        "nextCycleReason": live.get("nextCycleReason"),
        "totals": asdict(row.totals),
        "error": _error(state, live, row, instance),
        "settings": settings.as_json(),
        "overrides": dict(row.overrides),
        "warnings": warnings,
    }


def etag_of(document: Mapping[str, Any]) -> str:
    """A strong ETag: the same content has the same tag."""
    text = json.dumps(document, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def _error(state: str, live: Mapping[str, Any], row: ScheduleRow, instance: Instance) -> str | None:
    if state == "failed":
        found = "is gone" if instance.status is None else f"is {instance.status}"
        return f"the instance {found} although the schedule should run; it will be started again: {instance.output}"
    return live.get("error") or row.error
