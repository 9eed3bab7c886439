"""Notes of executions, history and remarks as flat properties; a row is in `row_codec.py`."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Json
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look, document_of, looks_of, time_of
from ebb.store.fitting import EXECUTIONS_LIMIT, PROPERTY_LIMIT, Properties, bounded_text
from ebb.store.keys import cycle_key, event_key, looks_key

T = TypeVar("T", bound=Mapping[str, Any])


def note_key(note: ExecutionNote) -> str:
    """The row key of a note: keys may not hold every character that an owner does."""
    identity = f"{note.owner}/{note.cycle}/{note.index}/{note.run}"
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def note_properties(note: ExecutionNote) -> Properties:
    """The note of an execution as the properties of one entity."""
    return {
        "RowKey": note_key(note),
        "owner": note.owner,
        "cycle": note.cycle,
        "index": note.index,
        "run": note.run,
        "until": rfc3339(note.until),
        "document": bounded_text(note.document, PROPERTY_LIMIT),
    }


def read_note(properties: Mapping[str, Any]) -> ExecutionNote:
    """The note that `note_properties` wrote."""
    numbers = int(properties["cycle"]), int(properties["index"])
    until, document = parse_rfc3339(properties["until"]), json.loads(properties.get("document") or "{}")
    return ExecutionNote(properties["owner"], *numbers, properties["run"], until, document)


def cycle_properties(cycle: Mapping[str, Any]) -> Properties:
    """A Cycle document as the properties of one entity; its executions in as many properties as they take.

    Raises:
        ValueError: it has no usable number, or is too large even with all its texts cut.
    """
    executions = bounded_text(cycle.get("executions") or [], EXECUTIONS_LIMIT)
    body = {key: value for key, value in cycle.items() if key != "executions"}
    properties: Properties = {
        "RowKey": cycle_key(cycle["cycle"]),
        "kind": "cycle",
        "document": bounded_text(body, PROPERTY_LIMIT),
    }
    ended = cycle.get("endedAt") or cycle.get("startedAt")
    if ended:
        properties["at"] = rfc3339(parse_rfc3339(ended))
    for index, start in enumerate(range(0, len(executions), PROPERTY_LIMIT)):
        properties[f"executions{index}"] = executions[start : start + PROPERTY_LIMIT]
    return properties


def is_same_cycle(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether both tell of one cycle: numbers begin again where a row was removed and its history was not."""
    return (first["cycle"], first.get("startedAt")) == (second["cycle"], second.get("startedAt"))


def event_properties(event: Mapping[str, Any]) -> Properties:
    """An Event document as the properties of one entity.

    Raises:
        ValueError: its time is not RFC 3339, or it is too large even with all its texts cut.
    """
    at = parse_rfc3339(event["at"])
    return {
        "RowKey": event_key(at, str(event["id"])),
        "kind": str(event["kind"]),
        "at": rfc3339(at),
        "document": bounded_text(event, PROPERTY_LIMIT),
    }


def looks_properties(looks: Sequence[Look]) -> Properties:
    """A block of looks as the properties of one entity."""
    last = time_of(looks[-1])
    return {
        "RowKey": looks_key(last),
        "kind": "looks",
        "at": rfc3339(last),
        "document": bounded_text(document_of(looks), PROPERTY_LIMIT),
    }


def read_looks(blocks: Sequence[Mapping[str, Any]]) -> list[Look]:
    """The looks of `blocks` as `looks_properties` wrote them, newest block first; the looks are oldest first."""
    return [look for block in reversed(blocks) for look in looks_of(json.loads(block["document"]))]


def remark_key(key: str) -> str:
    """The row key of a remark: a hash, for keys may not hold every character."""
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def remark_properties(key: str, at: datetime, remark: Mapping[str, Any]) -> Properties:
    """A remark as the properties of one entity.

    Raises:
        ValueError: it is too large even with all its texts cut.
    """
    return {
        "RowKey": remark_key(key),
        "key": key,
        "at": rfc3339(at),
        "document": bounded_text(remark, PROPERTY_LIMIT),
    }


def read_remark(properties: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The key and the remark that `remark_properties` wrote."""
    return str(properties["key"]), json.loads(properties["document"])


def read_document(properties: Mapping[str, Any]) -> Json:
    """The document that `cycle_properties` or `event_properties` wrote."""
    document = cast("dict[str, Any]", json.loads(properties["document"]))
    if properties["kind"] == "cycle":
        count = sum(1 for key in properties if key.startswith("executions"))
        document["executions"] = json.loads("".join(properties[f"executions{index}"] for index in range(count)))
    return document


def since(entries: Sequence[T], start: datetime | None) -> list[T]:
    """The entries (newest first, with "at") down to the first that is older than `start`."""
    limit = rfc3339(start) if start else ""
    return list(itertools.takewhile(lambda entry: str(entry.get("at", "~")) >= limit, entries))


def forgotten(entries: Iterable[Mapping[str, Any]], keep: int, before: datetime | None) -> list[str]:
    """Row keys to forget of `entries` (newest first, with "RowKey" and "at"): beyond `keep`, or older than `before`."""
    limit = rfc3339(before) if before else ""
    return [
        str(entry["RowKey"])
        for index, entry in enumerate(entries)
        if index >= keep or ("at" in entry and str(entry["at"]) < limit)
    ]
