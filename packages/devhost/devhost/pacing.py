"""Walks an orchestration's actions along its history as the Durable extension does, one after the other.

The extension does not take an SDK's list of actions as a set. It plays it: it begins an action, waits until that has
ended, begins the next one (OutOfProcOrchestrationShim.ProcessAsyncActionsV2), while the history is fed to it event by
event (TaskOrchestrationExecutor). So an action begins when those before it have ended for the extension, which may be
later than for the code; and what the code ends with is reached at one event of the history. Events raised after the one
at which a continue-as-new is reached are carried into the next generation, also those that the code has seen already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from devhost.events import COMPLETIONS, FAILURES, EventType
from devhost.instance import Event

Action = dict[str, Any]

CONTINUE_AS_NEW, CREATE_TIMER, WAIT_FOR_EVENT, CALL_ENTITY, SIGNAL, WHEN_ANY, WHEN_ALL = 4, 5, 6, 7, 9, 11, 12


@dataclass(frozen=True)
class Pace:
    """How far the actions have come.

    `begun`: the actions that take a number and have begun, with it. `reached`: how many events of the history had been
    handled when the last action ended; None while one still runs.
    """

    begun: list[tuple[int, Action]]
    reached: int | None
    next_number: int
    held: Action | None
    """The first action that the code has made and that has not begun."""


@dataclass(eq=False)
class _Node:
    """An action that has begun; it ends when `missing` of its parts have."""

    action: Action
    parent: _Node | None
    missing: int = 1
    attempt: int = 1
    is_pausing: bool = False


@dataclass
class _Walk:
    top: list[Action]
    position: int = 0
    number: int = 0
    begun: list[tuple[int, Action]] = field(default_factory=list[tuple[int, Action]])
    running: dict[int, _Node] = field(default_factory=dict[int, _Node])
    answers: dict[str, _Node] = field(default_factory=dict[str, _Node])
    waits: dict[str, list[_Node]] = field(default_factory=dict[str, list[_Node]])
    kept: dict[str, int] = field(default_factory=dict[str, int])
    is_moving: bool = False

    def move(self) -> None:
        """Begin actions until one has to be waited for."""
        self.is_moving = True
        while self.position < len(self.top):
            node = self.begin(self.top[self.position], None)
            if node.missing > 0:
                break
            self.position += 1
        self.is_moving = False

    def begin(self, action: Action, parent: _Node | None) -> _Node:
        kind, node = action["actionType"], _Node(action, parent)
        if kind in (WHEN_ANY, WHEN_ALL):
            parts = action["compoundActions"]
            node.missing = len(parts) if kind == WHEN_ALL else 1
            for part in parts:
                self.begin(part, node)
        elif kind == WAIT_FOR_EVENT:
            self.wait(action["externalEventName"].lower(), node)
        elif kind == CONTINUE_AS_NEW:
            self.end(node)
        else:
            self.begun.append((self.number, action))
            self.running[self.number] = node
            self.number += 1
            if kind == SIGNAL or (kind == CREATE_TIMER and action.get("isCanceled")):
                self.end(node)
        return node

    def wait(self, name: str, node: _Node) -> None:
        if self.kept.get(name):
            self.kept[name] -= 1
            self.end(node)
        else:
            self.waits.setdefault(name, []).append(node)

    def end(self, node: _Node) -> None:
        """Note that one part of the action has ended, and tell the compound it is in."""
        node.missing -= 1
        if node.missing == 0 and node.parent is not None:
            self.end(node.parent)
        elif node.missing == 0 and not self.is_moving:
            self.position += 1
            self.move()

    def raised(self, name: str) -> None:
        """An event: the answer of an entity, the end of the newest wait for it, or kept for a later one."""
        node = self.answers.pop(name, None)
        waiting = self.waits.get(name.lower())
        if node is None and waiting:
            node = waiting.pop()
        if node is not None:
            self.end(node)
        else:
            self.kept[name.lower()] = self.kept.get(name.lower(), 0) + 1

    def completed(self, number: int, failed: bool) -> None:
        node = self.running.pop(number, None)
        if node is None:
            return
        options = node.action.get("retryOptions")
        is_last = options is None or node.attempt >= options["maxNumberOfAttempts"]
        if options is None or (is_last if node.is_pausing else not failed):
            self.end(node)
            return
        # A failed attempt takes the next number for a pause, the end of a pause the next one for an attempt.
        node.attempt += node.is_pausing
        node.is_pausing = not node.is_pausing
        self.running[self.number] = node
        self.number += 1

    def handle(self, event: Event) -> None:
        kind = event["EventType"]
        if kind == EventType.ExecutionStarted:
            self.move()
        elif kind == EventType.EventRaised:
            self.raised(event["Name"])
        elif kind in COMPLETIONS:
            self.completed(event[COMPLETIONS[kind]], kind in FAILURES)
        elif kind == EventType.EventSent:
            node = self.running.pop(event["EventId"], None)
            if node is not None and node.action["actionType"] == CALL_ENTITY:
                self.answers[json.loads(event["Input"])["id"]] = node


def pace(history: list[Event], actions: list[Action]) -> Pace:
    """Play the actions of a reply along the history of the execution."""
    walk, reached = _Walk(actions), None
    for position, event in enumerate(history):
        walk.handle(event)
        if reached is None and event["EventType"] != EventType.OrchestratorStarted and walk.position >= len(walk.top):
            reached = position + 1
    return Pace(walk.begun, reached, walk.number, _first_held(actions[walk.position + 1 :]))


def _first_held(later: list[Action]) -> Action | None:
    for action in later:
        found = _first_held(action["compoundActions"]) if action["actionType"] in (WHEN_ANY, WHEN_ALL) else action
        if found is not None and found["actionType"] not in (WAIT_FOR_EVENT, CONTINUE_AS_NEW):
            return found
    return None
