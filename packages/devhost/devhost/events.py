"""History events, field by field as the Durable Task Framework writes them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from devhost.instance import Event, Instance, OpenWork


class EventType(IntEnum):
    """Numbers of the history events; the names are those of the status API."""

    ExecutionStarted = 0
    ExecutionCompleted = 1
    ExecutionFailed = 2
    ExecutionTerminated = 3
    TaskScheduled = 4
    TaskCompleted = 5
    TaskFailed = 6
    SubOrchestrationInstanceCreated = 7
    SubOrchestrationInstanceCompleted = 8
    SubOrchestrationInstanceFailed = 9
    TimerCreated = 10
    TimerFired = 11
    OrchestratorStarted = 12
    OrchestratorCompleted = 13
    EventSent = 14
    EventRaised = 15
    ContinueAsNew = 16
    GenericEvent = 17
    HistoryState = 18
    ExecutionSuspended = 19
    ExecutionResumed = 20
    ExecutionRewound = 21


COMPLETIONS = {
    EventType.TaskCompleted: "TaskScheduledId",
    EventType.TaskFailed: "TaskScheduledId",
    EventType.SubOrchestrationInstanceCompleted: "TaskScheduledId",
    EventType.SubOrchestrationInstanceFailed: "TaskScheduledId",
    EventType.TimerFired: "TimerId",
}
"""Events that end open work, and the field that holds its number."""

FAILURES = frozenset({EventType.TaskFailed, EventType.SubOrchestrationInstanceFailed})


def event(kind: EventType, timestamp: str = "", number: int = -1, **fields: Any) -> Event:
    """Make one event. A message has no timestamp yet: it gets that of the episode which delivers it."""
    return {"EventType": int(kind), "EventId": number, "IsPlayed": False, "Timestamp": timestamp, **fields}


def execution_started(instance: Instance, timestamp: str) -> Event:
    """The first event of an execution. `Version` must be there: the SDK reads it without asking."""
    parent = instance.parent and {
        "OrchestrationInstance": {
            "InstanceId": instance.parent.instance_id,
            "ExecutionId": instance.parent.execution_id,
        },
        "Name": instance.parent.name,
        "TaskScheduleId": instance.parent.number,
        "Version": instance.parent.version or "",
    }
    return event(
        EventType.ExecutionStarted,
        timestamp,
        Name=instance.name,
        Input=instance.input,
        Version=instance.version or "",
        OrchestrationInstance={"InstanceId": instance.instance_id, "ExecutionId": instance.execution_id},
        ParentInstance=parent,
        Tags=None,
        Correlation=None,
        ScheduledStartTime=None,
        Generation=None if parent else instance.generation,
        ParentTraceContext=None,
        GenerateNewTrace=False,
    )


def execution_completed(instance: Instance, status: str, result: str | None) -> Event:
    """The last event of an execution; a message still, without its time."""
    return event(
        EventType.ExecutionCompleted,
        "",
        instance.next_number,
        OrchestrationStatus=status,
        Result=result,
        FailureDetails=None,
    )


def work_begun(work: OpenWork, timestamp: str, store_inputs: bool) -> Event:
    """The event that records the start of an activity, an HTTP call, a child, a timer or an entity message."""
    if work.kind == "timer":
        return event(EventType.TimerCreated, timestamp, work.number, FireAt=work.body["fireAt"])
    if work.kind in ("entity", "signal"):
        target, text = work.body["entity"], work.body["message"]
        return event(EventType.EventSent, timestamp, work.number, InstanceId=target, Name="op", Input=text)
    kept = work.body.get("input") if store_inputs else None
    if work.kind == "child":
        return event(
            EventType.SubOrchestrationInstanceCreated,
            timestamp,
            work.number,
            Name=work.name,
            InstanceId=work.body["instanceId"],
            Version=work.body["version"] or "",
            Input=kept,
        )
    return event(EventType.TaskScheduled, timestamp, work.number, Name=work.name, Version="", Input=kept)


def activity_failed(work: OpenWork, reason: str, details: str) -> Event:
    """The end of a failed activity, in the words of the Durable extension (two spaces after the colon)."""
    text = f"Activity function '{work.name}' failed:  {reason}"
    return event(EventType.TaskFailed, TaskScheduledId=work.number, Reason=text, Details=details, FailureDetails=None)


def child_completed(number: int, result: Any) -> Event:
    """The end of the sub-orchestration that task `number` of its parent began."""
    return event(EventType.SubOrchestrationInstanceCompleted, TaskScheduledId=number, Result=result)


def child_failed(number: int, reason: str, details: str | None) -> Event:
    """As `child_completed`, of one that failed, was terminated, or could not begin."""
    return event(EventType.SubOrchestrationInstanceFailed, TaskScheduledId=number, Reason=reason, Details=details)
