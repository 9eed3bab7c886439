"""One running host as the probes ask it, and its answers without what differs from run to run."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

BASE = "/runtime/webhooks/durabletask"
OPEN = ("Pending", "Running", "Suspended", "ContinuedAsNew")
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
