"""Executions as lists show them: those of the cycle at work, the flat list of all, and the form of Container Apps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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


def cycle_at_work(schedule: Mapping[str, Any], at_work: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The Cycle document of the cycle whose executions run now; None where none do.

    Args:
        schedule: the Schedule document.
        at_work: the Execution documents so far, each with its `cycle`.
    """
    if schedule["phase"] != "processing":
        return None
    backlog: dict[str, Any] | None = schedule["backlog"]
    began: str | None = backlog["measuredAt"] if backlog else None  # a cycle begins with its measurement
    executions = [
        {"endedAt": None, "error": None, **each, "startedAt": each.get("startedAt") or began}
        for each in at_work
        if each["cycle"] == schedule["cycle"]
    ]
    counts = {key: sum(int(each[key] or 0) for each in executions) for key in ("processed", "failed", "poisoned")}
    return {
        "cycle": schedule["cycle"],
        "startedAt": began,
        "endedAt": None,
        "backlog": backlog,
        "decision": schedule["decision"],
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
