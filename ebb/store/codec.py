"""Rows and documents as flat properties, within the limits of a table: what every store keeps.

A property holds 64 KiB, an entity 1 MiB, both in UTF-16
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model). JSON is written in
ASCII, so that its length is its size in UTF-16 units and any text survives. Long texts in documents are cut, never
the structure: a stack trace of a megabyte must not cost the record of the cycle that it ended.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast, get_args, get_type_hints

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Document, Json
from ebb.core.errors import StoreError
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look, document_of, looks_of, time_of
from ebb.core.row.schedule_row import Intent, ScheduleRow, Totals, UnclosedCycle
from ebb.store.keys import cycle_key, event_key, looks_key

Properties = dict[str, str | int]
T = TypeVar("T", bound=Mapping[str, Any])

PROPERTY_LIMIT = 30_000  # UTF-16 units of one property; a table allows 32,768
EXECUTIONS_LIMIT = 420_000  # of all executions of a cycle together: 840 KiB of the entity's 1 MiB
TEXT_LIMIT = 4_000  # characters of one text, before a document's own limit cuts deeper

_CUT = " … (cut)"
_FREE_TEXTS = {
    "reason",
    "changed_by",
    "error",
    "restart_cause",
}  # written by people and exceptions; other texts are never cut
_KEPT = {name: hint for name, hint in get_type_hints(ScheduleRow).items() if name not in ("name", "etag")}
_TIMES = {name for name, hint in _KEPT.items() if datetime in (hint, *get_args(hint))}
_NESTED = {name for name, hint in _KEPT.items() if "Mapping" in str(hint)}
_DOCUMENTS: dict[str, type[Document]] = {
    name: kind
    for name, hint in _KEPT.items()
    for kind in (hint, *get_args(hint))
    if isinstance(kind, type) and issubclass(kind, Document) and name != "totals"
}


def row_properties(row: ScheduleRow) -> Properties:
    """All that is kept of `row`, in the names of its fields; what is None is left out.

    Raises:
        StoreError: the overrides do not fit.
    """
    properties: Properties = {}
    for name in _KEPT:
        value = getattr(row, name)
        if value is not None and value != ():
            properties[name] = _property(row.name, name, value)
    return properties


def _property(schedule: str, name: str, value: Any) -> str | int:
    if name in _TIMES:
        return rfc3339(value)
    if name in _FREE_TEXTS:
        return cut(value, TEXT_LIMIT)
    if name == "totals":
        return _dumps(vars(value))
    if name == "overrides":
        text = _dumps(value)
        if len(text) > PROPERTY_LIMIT:
            raise StoreError(f"the overrides of schedule {schedule} take {len(text)} of {PROPERTY_LIMIT} characters")
        return text
    if isinstance(value, Document):
        return bounded_text(value.to_document(), PROPERTY_LIMIT)
    if name == "unclosed":
        return bounded_text([entry.to_document() for entry in value], PROPERTY_LIMIT)
    if name in _NESTED:
        return bounded_text(value, PROPERTY_LIMIT)
    return value


def read_row(name: str, properties: Mapping[str, Any], etag: str) -> ScheduleRow:
    """The row that `row_properties` wrote; properties of later versions are ignored."""
    values: dict[str, Any] = {key: value for key, value in properties.items() if key in _KEPT}
    for key in values.keys() & _TIMES:
        values[key] = parse_rfc3339(values[key])
    for key in values.keys() & {*_NESTED, *_DOCUMENTS, "totals"}:
        values[key] = json.loads(values[key])
    if "unclosed" in values:
        values["unclosed"] = tuple(map(UnclosedCycle.from_document, values["unclosed"]))
    for key in (values.keys() & _DOCUMENTS.keys()) - {"unclosed"}:
        values[key] = _DOCUMENTS[key].from_document(values[key])
    if "totals" in values:
        values["totals"] = Totals(**values["totals"])
    if "intent" in values:
        values["intent"] = Intent(values["intent"])
    return replace(ScheduleRow(name=name, etag=etag), **values)


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


def bounded_text(value: Any, limit: int) -> str:
    """`value` as JSON of at most `limit` characters: the longest texts in it are cut until it fits.

    Raises:
        ValueError: it does not fit even with all its texts cut.
    """
    longest = TEXT_LIMIT
    while longest >= len(_CUT):
        text = _dumps(_with_short_texts(value, longest))
        if len(text) <= limit:
            return text
        longest //= 2
    raise ValueError(f"a document of {len(_dumps(value))} characters cannot be cut to {limit}")


def cut(text: str, longest: int) -> str:
    """`text` as UTF-8 can say it, at most `longest` characters; says so where something is missing."""
    kept = text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
    return kept.encode("utf-8", "replace").decode()


def _with_short_texts(value: Any, longest: int) -> Any:
    if isinstance(value, str):  # each document of each write comes through here: most of its texts are short and plain
        return value if len(value) <= longest and value.isascii() else cut(value, longest)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {key: _with_short_texts(item, longest) for key, item in items}
    if isinstance(value, list | tuple):
        return [_with_short_texts(item, longest) for item in cast("Iterable[Any]", value)]
    return value


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
