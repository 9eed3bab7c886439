"""Takes the failures out of a history, so that what failed runs again: `rewind`, as the Azure Storage back end does it.

The events of the failure stay in their places as GenericEvents. Where sub-orchestrations failed these are rewound, and
their parent waits for them; else the instance runs again at once (AzureTableTrackingStore.RewindHistoryAsync).
"""

from __future__ import annotations

from dataclasses import dataclass

from devhost.events import EventType
from devhost.instance import Event, OpenWork

_ENDINGS = frozenset({EventType.ExecutionCompleted, EventType.TaskFailed, EventType.SubOrchestrationInstanceFailed})


@dataclass(frozen=True)
class Rewound:
    """A history without its failures, episode by episode, and the sub-orchestrations that the instance waits for."""

    episodes: list[list[Event]]
    children: list[OpenWork]


def rewound(episodes: list[list[Event]]) -> Rewound:
    """Take the failures out of the episodes of a failed execution."""
    events = [event for episode in episodes for event in episode]
    failed = {one["TaskScheduledId"] for one in events if one["EventType"] == EventType.TaskFailed}
    lost = {one["TaskScheduledId"] for one in events if one["EventType"] == EventType.SubOrchestrationInstanceFailed}
    children = [
        OpenWork(one["EventId"], "child", one["Name"], {"instanceId": one["InstanceId"], "version": one["Version"]})
        for one in events
        if one["EventType"] == EventType.SubOrchestrationInstanceCreated and one["EventId"] in lost
    ]
    return Rewound([[_without_failure(one, failed) for one in episode] for episode in episodes], children)


def _without_failure(event: Event, failed: set[int]) -> Event:
    kind = event["EventType"]
    if kind in _ENDINGS or (kind == EventType.TaskScheduled and event["EventId"] in failed):
        kept = {key: event[key] for key in ("EventId", "IsPlayed", "Timestamp")}
        return {"EventType": int(EventType.GenericEvent), **kept, "Data": None}
    return event
