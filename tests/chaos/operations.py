"""What a request to storage is for: its service, who sends it, and the operation in Ebb's words.

A table of patterns over method, path, query and body. Requests of the Durable extension's own queues, tables and blobs
are told apart by the name of the task hub, so that costs can be split; devhost keeps its state in a file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

_ROW_METHODS = {"PUT", "MERGE", "PATCH", "POST"}
_KEYS = re.compile(r"\(PartitionKey='([^']*)',\s*RowKey='([^']*)'\)")


@dataclass(frozen=True)
class Operation:
    """One kind of request. `name` is unique within its service: `receive`, `row.close`, ..."""

    service: str  # blob, queue, table
    side: str  # ebb, durable
    name: str

    def __str__(self) -> str:
        return f"{self.side} {self.service} {self.name}"


def classify(service: str, method: str, target: str, body: bytes, hub: str = "") -> Operation:
    """The operation that a request is.

    Args:
        target: path and query as they stand in the request line; the path begins with the account's name.
        hub: name of the task hub whose own requests are the engine's.
    """
    url = urlsplit(target)
    path = unquote(url.path).lstrip("/").partition("/")[2]
    query = {key.lower(): values[0].lower() for key, values in parse_qs(url.query, keep_blank_values=True).items()}
    durable = service == "blob" or _is_hub(path, query.get("prefix", ""), hub)
    name = {"queue": _queue, "table": _table, "blob": _blob}[service](method, path, query, body)
    return Operation(service, "durable" if durable else "ebb", name)


def _is_hub(path: str, prefix: str, hub: str) -> bool:
    return bool(hub) and (path.lower().startswith(hub.lower()) or prefix.lower().startswith(hub.lower()))


def _queue(method: str, path: str, query: dict[str, str], _: bytes) -> str:
    queue, _slash, rest = path.partition("/")
    place = "poison." if queue.endswith("-poison") else ""
    if not rest:
        return place + {"PUT": "create", "DELETE": "drop"}.get(method, "count" if query.get("comp") else "list")
    if method == "GET":
        return place + ("peek" if query.get("peekonly") == "true" else "receive")
    if method == "PUT":
        return place + ("giveBack" if query.get("visibilitytimeout") == "0" else "extend")
    return place + {"POST": "put", "DELETE": "delete"}.get(method, method.lower())


def _table(method: str, path: str, query: dict[str, str], body: bytes) -> str:
    if path.startswith("Tables"):
        return "create" if method == "POST" else "list"
    if path.startswith("$batch"):
        return "batch"
    keys = _KEYS.search(path)
    document = _json(body)
    partition = keys[1] if keys else str(document.get("PartitionKey", ""))
    if _is_history(path):
        return "history." + _verb(method)
    if partition.startswith("executions-"):
        return "note." + _verb(method)
    if partition == "schedules" and method in _ROW_METHODS:
        return _row_write(document)
    if method == "GET":
        return "row.read" if keys else "note.read" if "executions-" in query.get("$filter", "") else "rows.read"
    return "other." + _verb(method)


def _is_history(path: str) -> bool:
    return path.partition("(")[0].endswith("History")


def _verb(method: str) -> str:
    return "read" if method == "GET" else "delete" if method == "DELETE" else "write"


def _row_write(document: dict[str, object]) -> str:
    """Which check-in writes the schedule's row: while executions work, at the close of their cycle, or idle."""
    if document.get("working_until"):
        return "row.work"
    closed = str(document.get("closed_cycle", 0))  # numbers of 64 bits travel as text
    return "row.close" if closed != "0" and closed == str(document.get("cycle")) else "row.idle"


def _blob(method: str, _path: str, query: dict[str, str], _body: bytes) -> str:
    kind = query.get("comp") or query.get("restype") or "blob"
    return f"{kind}.{method.lower()}"


def _json(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
