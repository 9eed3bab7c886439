"""Executions as lists show them: those of the cycle at work, the flat list of all, and the form of Container Apps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from ebb.core.row.schedule_row import Working

RUNNING = "running"
# Outcome of an execution as `properties.status` of a job execution: the values of
# https://learn.microsoft.com/rest/api/containerapps/jobs-executions/list (JobExecutionRunningState).
_STATES = {
    RUNNING: "Running",
    "succeeded": "Succeeded",
    "partlyFailed": "Degraded",
    "failed": "Failed",
    "timedOut": "Failed",
    "lostHost": "Failed",
    "stopped": "Stopped",
    "terminated": "Stopped",
    "fenceLost": "Stopped",
}


def cycle_at_work(schedule: Mapping[str, Any], notes: Iterable[Working]) -> dict[str, Any] | None:
    """The Cycle document of the cycle whose executions run now; None where none do.

    Args:
        schedule: the Schedule document.
        notes: what executions noted of themselves.
    """
    if schedule["phase"] != "processing":
        return None
    number, decision = schedule["cycle"], schedule["decision"]
    backlog: dict[str, Any] | None = schedule["backlog"]
    measured: str | None = backlog["measuredAt"] if backlog else None
    executions = _at_work(schedule, [each for each in notes if each.cycle == number], measured)
    counts = {key: sum(int(each[key] or 0) for each in executions) for key in ("processed", "failed", "poisoned")}
    return {
        "cycle": number,
        "startedAt": measured,  # a cycle begins with its measurement
        "endedAt": None,
        "backlog": backlog,
        "decision": decision,
        "executions": executions,
        **counts,
        "outcome": RUNNING,
        "error": schedule["error"],
    }


def executions_of(schedule: str, cycle: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The executions of a cycle for a flat list: newest first, each with its cycle, a name and a status."""
    number = cycle["cycle"]
    found = [
        {
            "name": f"{schedule}-{number}-{each['index']}",
            "cycle": number,
            **each,
            "status": each.get("outcome") or RUNNING,
        }
        for each in cycle["executions"]
    ]
    found.sort(key=lambda each: int(each["index"]))
    found.sort(key=lambda each: str(each["startedAt"] or ""), reverse=True)  # stable: index decides between equals
    return found


def as_job_execution(schedule: str, handler: str, execution: Mapping[str, Any]) -> dict[str, Any]:
    """An execution of the flat list as `az containerapp job execution list` prints one of a job."""
    return {
        "id": f"/schedules/{schedule}/cycles/{execution['cycle']}/executions/{execution['index']}",
        "name": execution["name"],
        "properties": {
            "startTime": execution["startedAt"],
            "endTime": execution["endedAt"],
            "status": _STATES.get(str(execution["status"]), "Unknown"),
            "template": {"containers": [{"name": schedule, "command": [handler]}]},
        },
        "type": "Microsoft.App/jobs/executions",
    }


def _at_work(schedule: Mapping[str, Any], notes: Sequence[Working], began: str | None) -> list[dict[str, Any]]:
    """The executions that say that they are at work; with their progress where the schedule's document has it."""
    told = cast("list[dict[str, Any]]", schedule.get("executions") or [])
    known = {int(each["index"]): each for each in told if each.get("cycle") in (None, schedule["cycle"])}
    return [
        _document(index, known.get(index, {}), began) for index in sorted({each.index for each in notes} | set(known))
    ]


def _document(index: int, told: Mapping[str, Any], began: str | None) -> dict[str, Any]:
    more = {key: told[key] for key in ("progress", "currentMessageAge") if told.get(key) is not None}
    counts = {key: told.get(key, 0) for key in ("processed", "failed", "poisoned")}
    started = told.get("startedAt") or told.get("since") or began
    return {"index": index, "startedAt": started, "endedAt": None, "outcome": None, **counts, "error": None, **more}
