"""Checks the actions of a reply against what the history says was decided before, and finds the new ones."""

from __future__ import annotations

import json
from collections.abc import Iterator

from devhost.errors import ChangedCodeError
from devhost.events import EventType
from devhost.instance import Decision, Event, Instance
from devhost.pacing import CREATE_TIMER, WAIT_FOR_EVENT, WHEN_ALL, WHEN_ANY, Action

CALL_HTTP = 8

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


def new_actions(instance: Instance, begun: list[tuple[int, Action]]) -> tuple[list[tuple[int, Action]], list[int]]:
    """Return those of the begun actions that are new, with their numbers, and the open timers that are now cancelled.

    Raises:
        ChangedCodeError: the code did not decide again what the history says it had decided.
    """
    decided, numbered = instance.decisions, dict(begun)
    for number in sorted(decided):
        if number in numbered or not decided[number].is_retry:
            _must_be_same(decided[number], numbered.get(number))
    fresh = [(number, action) for number, action in begun if number not in decided]
    cancelled = [number for number, action in begun if action.get("isCanceled") and number in instance.work]
    return fresh, cancelled


def waits_of(actions: list[Action]) -> dict[str, int]:
    """How many waits for each event name the code has made so far."""
    waits: dict[str, int] = {}
    for action in leaves(actions):
        if action["actionType"] == WAIT_FOR_EVENT:
            name = action["externalEventName"]
            waits[name] = waits.get(name, 0) + 1
    return waits


def recorded_decisions(events: list[Event], retried: list[int]) -> Iterator[Decision]:
    """Read back from stored events what the numbers stand for; `retried` are those that retries took."""
    for event in events:
        kind = _RECORDED.get(event["EventType"])
        if kind is None:
            continue
        name = event.get("Name") or ""
        if kind == "activity" and name == HTTP_ACTIVITY:
            kind = "http"
        if kind == "entity":
            request = json.loads(event["Input"])
            kind = "signal" if request.get("signal") else "entity"
            name = f"{event['InstanceId']} {request['op']}"
        yield Decision(event["EventId"], kind, name, event["EventId"] in retried)


_WORDS = {
    "activity": ("an activity task", "ScheduleTaskOrchestratorAction"),
    "http": ("an activity task", "ScheduleTaskOrchestratorAction"),
    "child": ("a sub-orchestration task", "CreateSubOrchestrationAction"),
    "timer": ("a timer task", "CreateTimerOrchestratorAction"),
    "entity": ("a send event task", "SendEventOrchestratorAction"),
    "signal": ("a send event task", "SendEventOrchestratorAction"),
}
_WAS_CHANGED = "Was a change made to the orchestrator code after this instance had already started running?"


def _must_be_same(earlier: Decision, action: Action | None) -> None:
    """Compare as the Durable Task Framework does, and say a difference in its words (TaskOrchestrationContext)."""
    what, _ = _WORDS[earlier.kind]
    said = f"A previous execution of this orchestration scheduled {what} with sequence"
    if action is None:
        name = f" and name '{earlier.name}' (version '')" if earlier.name else ""
        lead = f"{said} {'number' if earlier.kind == 'timer' else 'ID'} {earlier.number}{name}{',' if name else ''} but"
        raise ChangedCodeError(f"{lead} the current replay execution hasn't (yet?) scheduled this task. {_WAS_CHANGED}")
    kind, name = KINDS[action["actionType"]], name_of(action)
    named = "named" if earlier.kind == "timer" else f"named '{earlier.name}',"
    lead = f"{said} number {earlier.number} {named} but the current orchestration replay instead"
    if _WORDS[kind] != _WORDS[earlier.kind]:
        raise ChangedCodeError(f"{lead} produced a {_WORDS[kind][1]} action with this sequence number. {_WAS_CHANGED}")
    if name.lower() != earlier.name.lower():
        raise ChangedCodeError(f"{lead} scheduled {what} named '{name}' with this sequence number.  {_WAS_CHANGED}")
