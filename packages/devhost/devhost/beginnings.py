"""Turns a new action of an orchestrator into the work that it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from devhost.decisions import HTTP_ACTIVITY, KINDS
from devhost.errors import ReplyError
from devhost.ids import fault_of_id
from devhost.indexing import Functions
from devhost.instance import Instance, OpenWork
from devhost.pacing import Action
from devhost.retries import retry_state
from devhost.timestamps import read

_WORDS = {"child": "sub-orchestration"}


@dataclass(frozen=True)
class Beginnings:
    """Makes work for the functions of one app; `new_id` gives the IDs of entity calls."""

    functions: Functions
    new_id: Callable[[], str]
    default_version: str | None = None

    def work_of(self, instance: Instance, number: int, action: Action) -> OpenWork:
        """Describe the work of an action that has this task number; nothing is begun yet.

        Raises:
            ReplyError: the action names a function that is not there, or holds a value that cannot be carried out.
        """
        kind = KINDS[action["actionType"]]
        name = _text(f"the name of the {_WORDS.get(kind, kind)}", action.get("functionName") or "")
        if kind == "activity":
            self._must_exist("activityTrigger", name)
            return OpenWork(number, kind, name, _with_retry(action, {"input": action.get("input")}))
        if kind == "child":
            return OpenWork(number, kind, name, self._child_body(instance, number, action))
        if kind == "timer":
            return OpenWork(number, kind, "", {"fireAt": _moment(action["fireAt"])})
        if kind == "http":
            return OpenWork(number, kind, HTTP_ACTIVITY, {"input": json.dumps(action["httpRequest"])})
        return OpenWork(number, kind, name, self._entity_body(instance, kind, action))

    def _must_exist(self, kind: str, name: str) -> None:
        if self.functions.durable(kind, name) is None:
            raise ReplyError(self.functions.missing(kind, name))

    def _child_body(self, instance: Instance, number: int, action: Action) -> dict[str, Any]:
        self._must_exist("orchestrationTrigger", action["functionName"])
        # The default must be the same on each replay and each retry, so it is made of the parent's execution.
        given = _text("the ID of a sub-orchestration", action.get("instanceId") or "")
        child_id = given or f"{instance.execution_id}:{number}"
        fault = fault_of_id(child_id)
        if child_id == instance.instance_id:
            fault = f"a sub-orchestration cannot have its parent's ID: '{child_id}'"
        if fault:
            raise ReplyError(fault)
        version = action.get("version") or self.default_version
        body = {"input": action.get("input"), "instanceId": child_id, "version": version and str(version)}
        return _with_retry(action, body)

    def _entity_body(self, instance: Instance, kind: str, action: Action) -> dict[str, Any]:
        target = _text("the ID of an entity", action["instanceId"])
        self._must_exist("entityTrigger", target.split("@")[1])
        request = {
            "op": action["operation"],
            "id": str(UUID(self.new_id())),
            "parent": instance.instance_id,
            "parentExecution": instance.execution_id,
        }
        if kind == "signal":
            request["signal"] = True
        if action.get("input") is not None:
            request["input"] = json.dumps(action["input"])
        return {"entity": target, "message": json.dumps(request), "requestId": request["id"]}


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ReplyError(f"{what} must be text, got {value!r} ({type(value).__name__})")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ReplyError(f"{what} holds a character that cannot be stored: {value!a}") from error
    return value


def _moment(text: Any) -> str:
    try:
        read(text)
    except (ValueError, TypeError, OverflowError) as error:
        raise ReplyError(f"a timer cannot fire at {text!r}: {error}") from error
    return text


def _with_retry(action: Action, body: dict[str, Any]) -> dict[str, Any]:
    state = retry_state(action)
    return body if state is None else {**body, "retry": state}
