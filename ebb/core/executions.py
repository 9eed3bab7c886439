"""Executions as lists show them: those of the cycle at work, the flat list of all, and the form of Container Apps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ebb.core.document import Json
from ebb.core.documents import RUNNING, Cycle, ExecutionOfCycle, ListedExecution
from ebb.core.schedule import Schedule

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


def cycle_at_work(schedule: Schedule, at_work: Iterable[ExecutionOfCycle]) -> Cycle | None:
    """The cycle whose executions run now, as far as it has come; None where none do."""
    if schedule.phase != "processing":
        return None
    executions = tuple(each for each in at_work if each.cycle == schedule.cycle)
    return Cycle(
        cycle=schedule.cycle,
        started_at=schedule.backlog.measured_at if schedule.backlog else None,  # a cycle begins with its measurement
        backlog=schedule.backlog,
        decision=schedule.decision,
        executions=executions,
        processed=sum(each.processed for each in executions),
        failed=sum(each.failed for each in executions),
        poisoned=sum(each.poisoned for each in executions),
        parked=sum(each.parked for each in executions),
        outcome=RUNNING,
        error=schedule.error,
    )


def listed_executions(schedule: str, cycle: Cycle) -> list[ListedExecution]:
    """The executions of a cycle for a flat list: newest first, each with its cycle, a name and a status."""
    number = cycle.cycle
    found = [
        ListedExecution.from_document(
            {
                **each.to_document(),
                "cycle": number,
                "name": f"{schedule}-{number}-{each.index}",
                "status": each.outcome or RUNNING,
            }
        )
        for each in sorted(cycle.executions, key=lambda each: each.index)
    ]
    return sorted(found, key=lambda each: each.started_at, reverse=True)  # stable: index decides between equals


def as_job_execution(schedule: str, command: Sequence[str], execution: ListedExecution) -> Json:
    """An execution of the flat list as `az containerapp job execution list` prints one of a job.

    Args:
        command: what an execution runs; the name of a handler where that is not a program.
    """
    return {
        "id": f"/schedules/{schedule}/cycles/{execution.cycle}/executions/{execution.index}",
        "name": execution.name,
        "properties": {
            "startTime": execution.started_at,
            "endTime": execution.ended_at,
            "status": _STATES.get(execution.status, "Unknown"),
            "template": {"containers": [{"name": schedule, "command": [*command]}]},
        },
        "type": "Microsoft.App/jobs/executions",
    }
