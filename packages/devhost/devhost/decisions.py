"""Numbers the actions of a reply as the SDK does, and checks them against what was decided before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from devhost.errors import ReplyError
from devhost.events import EventType
from devhost.instance import Decision, Event, Instance

Action = dict[str, Any]

CONTINUE_AS_NEW, CREATE_TIMER, WAIT_FOR_EVENT, CALL_HTTP, WHEN_ANY, WHEN_ALL = 4, 5, 6, 8, 11, 12

HTTP_ACTIVITY = "BuiltIn::HttpActivity"
"""The name under which an HTTP call stands in the history."""

KINDS = {
    0: "activity",
    1: "activity",
    2: "child",
    3: "child",
    CREATE_TIMER: "timer",
    7: "entity",
    CALL_HTTP: "http",
    9: "signal",
}
"""Action types that take one task number each, and what they begin. Waits, continue-as-new and compounds take none."""


_RECORDED = {
    EventType.TaskScheduled: "activity",
    EventType.SubOrchestrationInstanceCreated: "child",
    EventType.TimerCreated: "timer",
    EventType.EventSent: "entity",
}


def leaves(actions: list[Action]) -> Iterator[Action]:
    """Walk the actions depth first, in list order, leaving out the compounds themselves."""
    for action in actions:
        if action["actionType"] in (WHEN_ANY, WHEN_ALL):
            yield from leaves(action["compoundActions"])
        else:
            yield action


def name_of(action: Action) -> str:
    """The name by which a replayed action is compared with the history; timers have none."""
    if action["actionType"] == CALL_HTTP:
        return HTTP_ACTIVITY
    if "operation" in action:
        return f"{action['instanceId']} {action['operation']}"
    return action.get("functionName") or ""


def new_actions(instance: Instance, actions: list[Action]) -> tuple[list[Action], list[int]]:
    """Return the numbered actions that are new in this reply, and the open timers that are now cancelled.

    Raises:
        ReplyError: the code did not decide again what the history says it had decided.
    """
    fresh: list[Action] = []
    cancelled: list[int] = []
    waits: dict[str, int] = {}
    decided = instance.decisions
    position = 0
    for action in leaves(actions):
        kind = KINDS.get(action["actionType"])
        if kind is None:
            if action["actionType"] == WAIT_FOR_EVENT:
                name = action["externalEventName"]
                waits[name] = waits.get(name, 0) + 1
            continue
        if position < len(decided):
            earlier = decided[position]
            _same(instance, earlier, kind, action)
            if action.get("isCanceled") and earlier.number in instance.work:
                cancelled.append(earlier.number)
        else:
            fresh.append(action)
        position += 1
    if position < len(decided):
        raise ReplyError(_difference(instance, decided[position], "nothing"))
    instance.waits = waits
    return fresh, cancelled


def recorded_decisions(events: list[Event], retried: list[int]) -> Iterator[Decision]:
    """Read back from stored events what the code decided; `retried` are the numbers that retries took."""
    for event in events:
        kind = _RECORDED.get(event["EventType"])
        if kind is None or event["EventId"] in retried:
            continue
        name = event.get("Name") or ""
        if kind == "activity" and name == HTTP_ACTIVITY:
            kind = "http"
        if kind == "entity":
            request = json.loads(event["Input"])
            kind = "signal" if request.get("signal") else "entity"
            name = f"{event['InstanceId']} {request['op']}"
        yield Decision(event["EventId"], kind, name)


def _same(instance: Instance, earlier: Decision, kind: str, action: Action) -> None:
    if kind != earlier.kind or name_of(action).lower() != earlier.name.lower():
        raise ReplyError(_difference(instance, earlier, str(Decision(earlier.number, kind, name_of(action)))))


def _difference(instance: Instance, earlier: Decision, now: str) -> str:
    return (
        f"Non-Deterministic workflow detected: a previous execution of orchestration '{instance.name}' with ID "
        f"'{instance.instance_id}' scheduled {earlier} with sequence ID {earlier.number}, but the current code "
        f"scheduled {now} in its place. Was the orchestrator changed while the instance was running, or does it use "
        "clocks, randomness, or I/O?"
    )
