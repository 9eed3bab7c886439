"""What is asked of an engine: each probe drives the app beside this file over HTTP and returns what it saw."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

BASE = "/runtime/webhooks/durabletask"
OPEN = ("Pending", "Running", "Suspended", "ContinuedAsNew")
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
SHOWN_HEADERS = ("Location", "Retry-After", "Content-Type")

_NORMAL = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<guid>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<hex>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?"), "<time>"),
    (re.compile(r"code=[^&\"' ]*"), "code=<key>"),
    (re.compile(r"Stack: .*?(?=\)$|$)", re.DOTALL), "Stack: <stack>"),
    (re.compile(r"StackTrace: .*", re.DOTALL), "StackTrace: <stack>"),
    (re.compile(r"(RealHost|Microsoft\.Azure\.WebJobs\.Script\.Workers\.Rpc)\.RpcException, [\w.]+"), "<RpcException>"),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "<origin>"),
)


class Engine:
    """One running host: `url` is its origin, `run` a word that keeps the IDs of one recording apart from another's."""

    def __init__(self, url: str, run: str) -> None:
        self.url, self.run = url, run

    def id(self, name: str) -> str:
        return f"{self.run}-{name.replace(' ', '_')}"

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        kind: str | None = "application/json",
    ) -> dict[str, Any]:
        """Send a request; the answer as its status, the headers that matter, and its body."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is None and method == "POST":
            data = b""
        headers = {"Content-Type": kind} if data and kind else {}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return _shown(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return _shown(error.code, error.headers, error.read())

    def manage(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        return self.call(method, f"{BASE}/{path}", body, **more)

    def start(self, orchestrator: str, name: str, given: Any = None, query: str = "") -> str:
        instance_id = self.id(name)
        answer = self.manage("POST", f"orchestrators/{orchestrator}/{instance_id}{query}", given)
        assert answer["status"] == 202, answer
        return instance_id

    def until(self, instance_id: str, *wanted: str, seconds: float = 15) -> dict[str, Any]:
        """The status document, once it has one of these statuses (default: once it has ended)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.manage("GET", f"instances/{instance_id}")
            status = (found["body"] or {}).get("runtimeStatus")
            if status in wanted or (not wanted and status and status not in OPEN):
                return found["body"]
            time.sleep(0.1)
        raise AssertionError(f"{instance_id} is not {wanted or 'ended'} in {seconds} s: {found}")

    def outcome(self, orchestrator: str, name: str, given: Any = None) -> dict[str, Any]:
        return self.until(self.start(orchestrator, name, given))

    def history(self, instance_id: str) -> Any:
        found = self.manage("GET", f"instances/{instance_id}?showHistory=true&showHistoryOutput=true")
        return found["body"]["historyEvents"]

    def raise_event(self, instance_id: str, name: str, value: Any) -> None:
        assert self.manage("POST", f"instances/{instance_id}/raiseEvent/{name}", value)["status"] == 202

    def reach(self, state: str, name: str) -> str:
        """Bring an instance of `waits` (or `raises`) into a state."""
        instance_id = self.id(name)
        if state == "missing":
            return instance_id
        # A version newer than the app's is left alone by the host: such an instance stays Pending.
        self.start("raises" if state == "failed" else "waits", name, query="?version=2.0" * (state == "pending"))
        if state == "pending":
            time.sleep(1)
            return instance_id
        if state == "failed":
            self.until(instance_id, "Failed")
            return instance_id
        self.until(instance_id, "Running")
        change = {"suspended": ("suspend", "Suspended"), "terminated": ("terminate", "Terminated")}.get(state)
        if change:
            self.manage("POST", f"instances/{instance_id}/{change[0]}?reason=setup")
            self.until(instance_id, change[1])
        if state == "completed":
            self.raise_event(instance_id, "go", "done")
            self.until(instance_id, "Completed")
        return instance_id


def _shown(status: int, headers: Any, body: bytes) -> dict[str, Any]:
    text = body.decode()
    try:
        content = json.loads(text) if text else None
    except ValueError:
        content = text
    return {"status": status, "headers": {key: headers[key] for key in SHOWN_HEADERS if headers[key]}, "body": content}


def normal(value: Any, run: str) -> Any:
    """Put a word in the place of everything that differs between two runs: IDs, times, ports, keys, stacks."""
    if isinstance(value, dict):
        return {normal(key, run): _normal_field(key, one, run) for key, one in value.items()}
    if isinstance(value, list):
        return [normal(one, run) for one in value]
    if not isinstance(value, str):
        return value
    parts = _parts(value, run)
    return parts[0] if len(parts) == 1 else parts


def _parts(text: str, run: str) -> list[Any]:
    """A text, with the JSON of .NET objects in it (failures, messages of entities) read."""
    head, mark, tail = text.partition('{"$type"')
    try:
        content, end = json.JSONDecoder().raw_decode(mark + tail)
    except ValueError:
        return [_plain(text, run)]
    rest = (mark + tail)[end:]
    return [*([_plain(head, run)] if head else []), normal(content, run), *(_parts(rest, run) if rest else [])]


def _plain(text: str, run: str) -> str:
    text = _known_functions_sorted(text.replace(f"{run}-", ""))
    for pattern, word in _NORMAL:
        text = pattern.sub(word, text)
    return text


def _known_functions_sorted(text: str) -> str:
    """The extension lists the functions that it knows in any order."""
    head, mark, names = text.partition(" functions are: " if " functions are: " in text else " functions: '")
    if not mark or "Additional info" not in head:
        return text
    return head + mark + ", ".join(sorted(one.strip(" '.") for one in names.split(",")))


def _normal_field(key: str, value: Any, run: str) -> Any:
    if key == "StackTrace" or (key in ("StackTraceString", "RemoteStackTraceString") and value):
        return "<stack>"
    if key == "Source" and value in ("realhost", "Microsoft.Azure.WebJobs.Script"):
        return "<worker>"
    if key == "durationInMilliseconds":
        return "<number>"
    return normal(value, run)


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
