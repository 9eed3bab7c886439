"""Drives an orchestrator through the real SDK, one completion an episode, as the Durable extension does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 1, tzinfo=UTC)


class Orchestration:
    """One execution of an orchestrator: its history so far and what it last replied."""

    def __init__(
        self,
        handle: Callable[[str], str],
        name: str,
        instance_id: str,
        given: object,
        events: Sequence[tuple[str, object]] = (),
    ) -> None:
        """`events` (name, data) come in the first episode, as those do that continue-as-new takes along."""
        self._handle, self._instance_id = handle, instance_id
        self._input = json.dumps(given)
        self.now = START
        self._history: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []
        self.scheduled: list[dict[str, Any]] = []  # leaf actions in the order of their numbers
        self.reply: dict[str, Any] = {}
        raised = [{"EventType": 15, "Name": each, "Input": json.dumps(data)} for each, data in events]
        self._episode({"EventType": 0, "Name": name, "Input": self._input, "Version": ""}, *raised)

    @property
    def is_done(self) -> bool:
        return bool(self.reply["isDone"])

    @property
    def next_input(self) -> dict[str, Any]:
        """What it continued as new with."""
        (action,) = [action for action in self._seen if action["actionType"] == 4]
        return json.loads(action["input"])

    def activities(self, name: str) -> list[int]:
        """The numbers of all calls of activity `name`."""
        return [number for number, action in enumerate(self.scheduled) if action.get("functionName") == name]

    def timers(self) -> list[dict[str, Any]]:
        return [action for action in self.scheduled if action["actionType"] == 5]

    def input_of(self, number: int) -> Any:
        return json.loads(self.scheduled[number]["input"])

    def complete(self, number: int, result: object, after: float = 0.0) -> None:
        self._later(after)
        self._episode({"EventType": 5, "TaskScheduledId": number, "Result": json.dumps(result)})

    def fail(self, number: int, reason: str) -> None:
        self._later(0.0)
        self._episode({"EventType": 6, "TaskScheduledId": number, "Reason": reason, "Details": "stack"})

    def fire(self, late: float = 0.0, early: float = 0.0) -> None:
        """Let the latest timer fire, at its time; `late` or `early` by so many seconds of a clock that was set."""
        number, timer = [(n, action) for n, action in enumerate(self.scheduled) if action["actionType"] == 5][-1]
        fires_at = datetime.fromisoformat(timer["fireAt"]) + timedelta(seconds=late - early)
        self.now = max(self.now, fires_at)
        self._episode({"EventType": 11, "TimerId": number, "FireAt": timer["fireAt"]})

    def event(self, name: str, data: object = None) -> None:
        self._later(1.0)
        self._episode({"EventType": 15, "Name": name, "Input": json.dumps(data)})

    def _later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def _episode(self, *events: dict[str, Any]) -> None:
        stamp = {"EventId": -1, "IsPlayed": False, "Timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")}
        self._history += [{"EventType": 12, **stamp}, *({**stamp, **event} for event in events)]
        payload = {
            "history": self._history,
            "input": self._input,
            "instanceId": self._instance_id,
            "isReplaying": False,
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
        }
        self.reply = json.loads(self._handle(json.dumps(payload)))
        (actions,) = self.reply["actions"]
        for action in actions[len(self._seen) :]:
            self._schedule(action, stamp)
        self._seen = actions
        self._history.append({"EventType": 13, **stamp})

    def _schedule(self, action: dict[str, Any], stamp: dict[str, Any]) -> None:
        for child in action.get("compoundActions", []):
            self._schedule(child, stamp)
        if action["actionType"] in (0, 1, 5):
            kind = {0: 4, 1: 4, 5: 10}[action["actionType"]]
            self._history.append({**stamp, "EventType": kind, "EventId": len(self.scheduled)})
            self.scheduled.append(action)
