"""What is asked of an engine: each probe drives the app beside this file over HTTP and returns what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from packages.devhost.tests.engine.asking import Engine

STATES = ("missing", "pending", "running", "suspended", "completed", "failed", "terminated")
OPERATIONS = (
    "status",
    "raise",
    "terminate",
    "suspend",
    "resume",
    "rewind",
    "restart new",
    "restart same",
    "purge",
    "start again",
)
CLIENT_CALLS = (
    "start",
    "start unknown",
    "status",
    "raise",
    "terminate",
    "suspend",
    "resume",
    "rewind",
    "restart",
    "purge",
)
Probe = Callable[[Engine], Any]
PROBES: dict[str, Probe] = {}


def probe(made: Probe) -> Probe:
    PROBES[made.__name__.replace("_", " ")] = made
    return made


def _operate(engine: Engine, instance_id: str, operation: str) -> dict[str, Any]:
    path = f"instances/{instance_id}"
    if operation == "status":
        return engine.manage("GET", path)
    if operation == "raise":
        return engine.manage("POST", f"{path}/raiseEvent/go", "raised")
    if operation == "purge":
        return engine.manage("DELETE", path)
    if operation.startswith("restart"):
        return engine.manage("POST", f"{path}/restart?restartWithNewInstanceId={str('new' in operation).lower()}")
    if operation == "start again":
        return engine.manage("POST", f"orchestrators/waits/{instance_id}", {"again": True})
    return engine.manage("POST", f"{path}/{operation}?reason=because")


def _state_probe(state: str) -> Probe:
    def run(engine: Engine) -> Any:
        found = {}
        for operation in OPERATIONS:
            instance_id = engine.reach(state, f"{state} {operation}")
            answer = _operate(engine, instance_id, operation)
            found[operation] = [answer]
        time.sleep(2.5)
        for operation in OPERATIONS:
            after = engine.manage("GET", f"instances/{engine.id(f'{state} {operation}')}")
            found[operation].append({"after": after["status"], "document": after["body"]})
        return found

    return run


for one_state in STATES:
    PROBES[f"operations on {one_state}"] = _state_probe(one_state)


def _client_probe(state: str) -> Probe:
    def run(engine: Engine) -> Any:
        found = {}
        for what in CLIENT_CALLS:
            instance_id = engine.reach(state, f"client {state} {what}")
            path = f"/api/client/{instance_id}/{what.replace(' ', '%20')}"
            found[what] = engine.call("POST", path, {"by": "client"})["body"]
        return found

    return run


for one_state in ("missing", "running", "completed"):
    PROBES[f"client calls on {one_state}"] = _client_probe(one_state)


def _outcome_probe(orchestrator: str, given: Any = None) -> Probe:
    return lambda engine: engine.outcome(orchestrator, f"outcome {orchestrator}", given)


for one_name in (
    "returns",
    "raises",
    "calls_boom",
    "catches_boom",
    "who_am_i",
    "parent_of_who",
    "child_fails",
    "child_fails_uncaught",
    "retries_child",
    "unknown_activity",
    "unknown_child",
    "unknown_entity",
    "calls_entity",
    "changes_its_mind",
    "decides_less",
    "long_status",
    "fails_fast",
    "any_goes_on",
    "retry_lost_any",
    "retry_fails_fast",
    "open_timer",
    "cancelled_timer",
):
    PROBES[f"outcome of {one_name}"] = _outcome_probe(one_name)
for one_count in (0, 1, 3):
    PROBES[f"retries after {one_count} failures"] = lambda engine, count=one_count: engine.outcome(
        "retries", f"retries {count}", {"failures": count}
    )


@probe
def one_of_each_event(engine: Engine) -> Any:
    instance_id = engine.start("one_of_each", "one of each")
    time.sleep(5)
    engine.raise_event(instance_id, "go", {"c": 3})
    seen = engine.until(instance_id)["output"]
    return {"sent to the app": seen, "shown by the API": _without_output(engine.history(instance_id))}


@probe
def history_of_a_failure(engine: Engine) -> Any:
    instance_id = engine.start("calls_boom", "history of a failure")
    engine.until(instance_id)
    return engine.history(instance_id)


@probe
def history_of_changes(engine: Engine) -> Any:
    instance_id = engine.reach("running", "history of changes")
    for operation in ("suspend", "resume"):
        engine.manage("POST", f"instances/{instance_id}/{operation}?reason={operation}ed")
        time.sleep(1)
    engine.manage("POST", f"instances/{instance_id}/terminate?reason=terminated")
    engine.until(instance_id)
    return engine.history(instance_id)


@probe
def a_child_that_is_terminated(engine: Engine) -> Any:
    instance_id = engine.start("child_waits", "child terminated")
    child = f"{instance_id}-child"
    engine.until(child, "Running")
    engine.manage("POST", f"instances/{child}/terminate?reason=child%20ended")
    return [engine.until(child), engine.until(instance_id)]


@probe
def a_parent_that_is_terminated(engine: Engine) -> Any:
    instance_id = engine.start("child_waits", "parent terminated")
    engine.until(f"{instance_id}-child", "Running")
    engine.manage("POST", f"instances/{instance_id}/terminate?reason=parent%20ended")
    ended = engine.until(instance_id)
    time.sleep(1)
    return [ended, engine.manage("GET", f"instances/{instance_id}-child")]


def _generations_probe(form: str, nudges: int, pause: float) -> Probe:
    def run(engine: Engine) -> Any:
        instance_id = engine.start("generations", f"generations {form}", {"form": form, "seen": []})
        time.sleep(1.5)
        for number in range(nudges):
            engine.raise_event(instance_id, "nudge", number)
            time.sleep(pause)
        return engine.until(instance_id, seconds=60)["output"]

    return run


for one_form, one_count in (
    ("plain", 5),
    ("timer", 1),
    ("activity first", 3),
    ("activity after", 5),
    ("short", 0),
    ("left open", 1),
):
    PROBES[f"generations {one_form}"] = _generations_probe(one_form, one_count, 1.5)


@probe
def rewinding_an_activity(engine: Engine) -> Any:
    instance_id = engine.start("rewinds", "rewinds")
    failed = engine.until(instance_id, "Failed")
    answer = engine.manage("POST", f"instances/{instance_id}/rewind?reason=better%20now")
    healed = engine.until(instance_id, "Completed")
    return {
        "failed": failed,
        "answer": answer,
        "healed": healed,
        "history": _without_output(engine.history(instance_id)),
    }


@probe
def rewinding_a_parent(engine: Engine) -> Any:
    instance_id = engine.start("rewinds_child", "rewinds child")
    failed = engine.until(instance_id, "Failed")
    answer = engine.manage("POST", f"instances/{instance_id}/rewind?reason=better%20now")
    healed = engine.until(instance_id, "Completed")
    return {"failed": failed, "answer": answer, "healed": healed, "child": engine.until(f"{instance_id}-child")}


@probe
def rewinding_what_fails_again(engine: Engine) -> Any:
    instance_id = engine.start("calls_boom", "rewinds in vain")
    engine.until(instance_id, "Failed")
    engine.manage("POST", f"instances/{instance_id}/rewind?reason=try")
    time.sleep(2)
    return {"document": engine.until(instance_id, "Failed"), "history": engine.history(instance_id)}


@probe
def bodies_of_the_start_api(engine: Engine) -> Any:
    found = {}
    for number, body in enumerate((b"", b"null", b'{"a":1}', b"[1,2]", b"5", b'"text"', b"{bad")):
        instance_id = engine.id(f"body {number}")
        answer = engine.manage("POST", f"orchestrators/returns/{instance_id}", raw=body)
        document = engine.until(instance_id) if answer["status"] == 202 else None
        found[body.decode()] = [answer["status"], answer["body"] if document is None else document]
    return found


@probe
def names_and_ids_of_starts(engine: Engine) -> Any:
    paths = {
        "unknown function": "orchestrators/nobody/x",
        "at sign": "orchestrators/returns/@x",
        "hash": f"orchestrators/returns/{engine.id('a')}%23b",
        "question mark": f"orchestrators/returns/{engine.id('a')}%3Fb",
        "backslash": f"orchestrators/returns/{engine.id('a')}%5Cb",
        "control": f"orchestrators/returns/{engine.id('a')}%01b",
        "300 letters": f"orchestrators/returns/{'x' * 300}",
        "function in other case": f"orchestrators/RETURNS/{engine.id('case')}",
    }
    return {what: engine.manage("POST", path) for what, path in paths.items()}


@probe
def events_and_their_bodies(engine: Engine) -> Any:
    found = {}
    for number, (body, kind) in enumerate(
        (
            (b'{"a":1}', "application/json"),
            (b"5", "application/json"),
            (b"", None),
            (b"{bad", "application/json"),
            (b"text", "text/plain"),
            (b'"s"', "application/json; charset=utf-8"),
        )
    ):
        instance_id = engine.reach("running", f"event {number}")
        answer = engine.manage("POST", f"instances/{instance_id}/raiseEvent/go", raw=body, kind=kind)
        document = engine.until(instance_id) if answer["status"] == 202 else None
        found[f"{body.decode()} as {kind}"] = [answer, document and document["output"]]
    return found


@probe
def a_name_of_an_event_in_other_case(engine: Engine) -> Any:
    instance_id = engine.reach("running", "case of event")
    engine.raise_event(instance_id, "GO", 1)
    time.sleep(1.5)
    return engine.manage("GET", f"instances/{instance_id}")["body"]["runtimeStatus"]


@probe
def routes_of_the_api(engine: Engine) -> Any:
    asked = (
        ("GET", "instances/{}"),
        ("PUT", "instances/{}"),
        ("POST", "instances/{}/nonsense"),
        ("GET", "nonsense"),
        ("GET", "instances/{}/terminate"),
        ("GET", "orchestrators/returns"),
        ("DELETE", "instances/"),
        ("GET", "instances/{}?taskHub=Other"),
        ("GET", "instances/{}?showInput=false"),
        ("GET", "instances/{}?returnInternalServerErrorOnFailure=true"),
    )
    instance_id = engine.start("raises", "routes", {"a": 1})
    engine.until(instance_id)
    return {f"{method} {path}": engine.manage(method, path.format(instance_id)) for method, path in asked}


@probe
def entities(engine: Engine) -> Any:
    path = f"entities/Counter/{engine.id('entity')}"
    found = {"before": engine.manage("GET", path), "signal": engine.manage("POST", f"{path}?op=add", 5)}
    time.sleep(1.5)
    found["after"] = engine.manage("GET", path)
    found["unknown"] = engine.manage("POST", "entities/nobody/k?op=add", 5)
    found["unknown read"] = engine.manage("GET", "entities/nobody/k")
    found["delete"] = engine.manage("DELETE", path)
    return found


@probe
def waiting_starts(engine: Engine) -> Any:
    query = "?timeout=10&pollingInterval=1"
    return {
        "completes": engine.manage("POST", f"orchestrators/returns/{engine.id('wait 1')}{query}", {"a": 1}),
        "fails": engine.manage("POST", f"orchestrators/raises/{engine.id('wait 2')}{query}"),
        "is late": engine.manage("POST", f"orchestrators/waits/{engine.id('wait 3')}?timeout=2&pollingInterval=1"),
    }


@probe
def purging(engine: Engine) -> Any:
    instance_id = engine.start("returns", "purge one")
    engine.until(instance_id)
    return {
        "one": engine.manage("DELETE", f"instances/{instance_id}"),
        "again": engine.manage("DELETE", f"instances/{instance_id}"),
        "no filter": engine.manage("DELETE", "instances/?createdTimeTo=2000-01-01T00:00:00Z"),
        "none matches": engine.manage(
            "DELETE", "instances/?createdTimeFrom=1999-01-01T00:00:00Z&createdTimeTo=2000-01-01T00:00:00Z"
        ),
    }


def _without_output(events: Any) -> Any:
    """A history that was returned by the orchestrator contains itself; the end of it says nothing new."""
    return [
        {
            key: value
            for key, value in one.items()
            if key != "Result" or "Completed" not in one["EventType"] or one["EventType"] != "ExecutionCompleted"
        }
        for one in events
    ]
