"""What the management API shows of an instance: its status, and its history in the API's own form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from devhost.events import EventType
from devhost.instance import Event, Status
from devhost.timestamps import seconds_only

_HIDDEN = frozenset({EventType.OrchestratorStarted, EventType.OrchestratorCompleted})
_BEGINNINGS = frozenset({EventType.TaskScheduled, EventType.SubOrchestrationInstanceCreated})
_ENDS = frozenset(
    {
        EventType.TaskCompleted,
        EventType.TaskFailed,
        EventType.SubOrchestrationInstanceCompleted,
        EventType.SubOrchestrationInstanceFailed,
    }
)
_DROPPED = ("EventId", "IsPlayed", "TaskScheduledId", "TimerId", "Version")
_DROPPED_OF_START = ("OrchestrationInstance", "ParentInstance", "Tags")


@dataclass(frozen=True)
class Show:
    """Which parts of a status are asked for; the defaults are those of the API."""

    input: bool = True
    history: bool = False
    history_output: bool = False


def parsed(text: str | None) -> Any:
    """Stored text as JSON; text that is not JSON stays text, None stays None."""
    if text is None:
        return None
    try:
        # NaN and infinities, which Python writes but JSON has not, become text, as in Azure's answers.
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def status_json(row: dict[str, Any], show: Show, history: list[Event] | None = None) -> dict[str, Any]:
    """Render one row of the instances table."""
    content: dict[str, Any] = {
        "name": row["name"],
        **({"version": row["version"]} if row["version"] else {}),
        "instanceId": row["id"],
        "runtimeStatus": Status(row["status"]).name,
        "input": parsed(row["input"]) if show.input else None,
        "customStatus": parsed(row["custom_status"]),
        "output": parsed(row["output"]),
        "createdTime": seconds_only(row["created"]),
        "lastUpdatedTime": seconds_only(row["updated"]),
    }
    if row["parent"]:
        content["parentInstanceId"] = json.loads(row["parent"])["instance_id"]
    if show.history:
        content["historyEvents"] = history_json(history or [], show)
    return content


def history_json(events: list[Event], show: Show) -> list[dict[str, Any]]:
    """Render a history: names instead of numbers, beginnings folded into their ends, framing events left out."""
    begun: dict[int, Event] = {}
    shown: list[dict[str, Any]] = []
    ended = {event["TaskScheduledId"] for event in events if event["EventType"] in _ENDS}
    for event in events:
        kind = EventType(event["EventType"])
        if kind in _BEGINNINGS:
            begun[event["EventId"]] = event
        if kind in _HIDDEN or (kind in _BEGINNINGS and event["EventId"] in ended):
            continue
        entry: dict[str, Any] = {"EventType": kind.name}
        entry.update((key, value) for key, value in event.items() if key not in _DROPPED and key != "EventType")
        if kind in _ENDS:
            _fold(entry, begun.get(event["TaskScheduledId"]), show)
        elif kind is EventType.ExecutionStarted or kind in _BEGINNINGS:
            entry["FunctionName"] = entry.pop("Name")
            for key in _DROPPED_OF_START:
                entry.pop(key, None)
        _trim(entry, kind, show)
        shown.append(entry)
    return shown


def _fold(entry: dict[str, Any], beginning: Event | None, show: Show) -> None:
    if beginning is None:
        return
    entry["ScheduledTime"] = beginning["Timestamp"]
    entry["FunctionName"] = beginning["Name"]
    entry["Input"] = beginning.get("Input") if show.input else None
    if "InstanceId" in beginning:
        entry["InstanceId"] = beginning["InstanceId"]


def _trim(entry: dict[str, Any], kind: EventType, show: Show) -> None:
    if not show.history_output:
        entry.pop("Result", None)
    elif kind is EventType.ExecutionCompleted and entry["OrchestrationStatus"] == "Terminated":
        pass
    elif "Result" in entry:
        entry["Result"] = parsed(entry["Result"])
    if kind is EventType.ExecutionStarted and not show.input:
        entry.pop("Input", None)
