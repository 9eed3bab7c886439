"""The documents that Ebb keeps and shows: Execution, Cycle, Event and Backlog, with their JSON form and its schema.

A field's JSON name is its own in camel case. Fields that are `left_out` while they say nothing new are absent from the
JSON; all others are always there. Reading ignores what a later version added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self, cast

Schema = dict[str, Any]

# What became of an execution: partlyFailed and failed are about its messages where it is not `broken`.
EXECUTION_OUTCOMES = ("succeeded", "partlyFailed", "failed", "timedOut", "stopped", "fenceLost", "lostHost")
CYCLE_OUTCOMES = ("succeeded", "partlyFailed", "failed", "timedOut", "stopped", "terminated", "lostHost", "idle")

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Schema = {"anyOf": [TIME, {"type": "null"}]}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "minimum": 0}
SECONDS_OR_NULL: Schema = {"type": ["number", "null"], "minimum": 0}
OBJECT_OR_NULL: Schema = {"type": ["object", "null"]}


def member(schema: Schema, default: Any = MISSING, *, said: str = "", left_out: bool = False) -> Any:
    """A field of a document.

    Args:
        schema: of its JSON value.
        default: its value where the JSON has none; without one the JSON must have it.
        said: what it means.
        left_out: whether the JSON leaves it out while it has its default.
    """
    shown = {**schema, "description": said} if said else schema
    metadata = {"schema": shown, "left_out": left_out}
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Document:
    """What all documents do."""

    def to_document(self) -> dict[str, Any]:
        """This document as plain JSON."""
        written: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if not (each.metadata["left_out"] and value == each.default):
                written[_camel(each.name)] = _plain(value)
        return written

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read `data`; members that this version does not know are left out.

        Raises:
            TypeError: a member that must be there is missing.
        """
        known = {_camel(each.name): each.name for each in fields(cls)}
        given = {known[key]: value for key, value in data.items() if key in known}
        return cls(**{name: cls._read(name, value) for name, value in given.items()})

    @classmethod
    def schema(cls) -> Schema:
        """The JSON schema of this document."""
        required = [_camel(each.name) for each in fields(cls) if not each.metadata["left_out"]]
        properties = {_camel(each.name): each.metadata["schema"] for each in fields(cls)}
        return {"type": "object", "properties": properties, "required": required}

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        return value


@dataclass(frozen=True, kw_only=True)
class Backlog(Document):
    """How many messages waited when a cycle was opened."""

    count: int = member(COUNT)
    measured_at: str = member(TIME)
    oldest_enqueued_at: str | None = member(
        TIME, None, said="when the oldest waiting message was put there, where counting tells", left_out=True
    )
    sources: list[dict[str, Any]] | None = member({"type": "array"}, None, left_out=True)


@dataclass(frozen=True, kw_only=True)
class Execution(Document):
    """What one execution of a cycle did. Where it was run more than once, the counts are those of all runs."""

    index: int = member(COUNT)
    started_at: str = member(TIME)
    ended_at: str | None = member(TIME_OR_NULL, None, said="null while it is at work")
    outcome: str | None = member({"enum": [*EXECUTION_OUTCOMES, None]}, None, said="null while it is at work")
    broken: bool = member(
        FLAG, False, said="the execution itself failed, not only handlers: its source, its process, or its time limit"
    )
    received: int = member(COUNT, 0)
    processed: int = member(COUNT, 0, said="handled, and removed from the source")
    failed: int = member(COUNT, 0, said="the handler raised or hung; they come again")
    poisoned: int = member(COUNT, 0, said="moved to the poison place")
    abandoned: int = member(COUNT, 0, said="handlers that still ran when the execution had ended", left_out=True)
    service_seconds: float = member(SECONDS, 0.0, said="in handlers, together")
    oldest_message_age: float | None = member(SECONDS_OR_NULL, None, said="seconds, when it was received")
    error: str | None = member(TEXT_OR_NULL, None, said="the first one")
    errors: list[dict[str, Any]] = member({"type": "array"}, said="type, count and an example of each kind of error")
    source: str | None = member(TEXT, None, said="where a schedule has several sources", left_out=True)
    next_try_at: str | None = member(
        TIME_OR_NULL, None, said="when the first of the messages that failed comes again", left_out=True
    )
    run: str | None = member(TEXT, None, said="tells two runs of one execution apart", left_out=True)
    runs: int = member(COUNT, 1, said="how often it was begun", left_out=True)
    at_least: bool = member(
        FLAG, False, said="a run ended without a word: it may have handled more than its last note says", left_out=True
    )
    noted_at: str | None = member(TEXT, None, said="when this was written down, while it is at work", left_out=True)
    progress: str | None = member(TEXT, None, said="what the handler last reported", left_out=True)
    current_message_age: float | None = member(
        SECONDS, None, said="seconds for which the oldest message in a handler's hands is there", left_out=True
    )

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read `data`, of any version: what an older one did not write follows from the rest."""
        older: dict[str, Any] = {"errors": [], "broken": data.get("outcome") in ("failed", "timedOut")}
        return super().from_document({**older, **data})


@dataclass(frozen=True, kw_only=True)
class Cycle(Document):
    """One cycle that did or met something."""

    cycle: int = member(COUNT)
    started_at: str | None = member(TIME)
    ended_at: str | None = member(TIME)
    backlog: dict[str, Any] | None = member(OBJECT_OR_NULL, None)
    decision: dict[str, Any] | None = member(OBJECT_OR_NULL, None)
    executions: list[dict[str, Any]] = member({"type": "array"})
    processed: int = member(COUNT, 0)
    failed: int = member(COUNT, 0)
    poisoned: int = member(COUNT, 0)
    abandoned: int = member(COUNT, 0, said="handlers that still ran when their execution had ended", left_out=True)
    outcome: str = member({"enum": list(CYCLE_OUTCOMES)}, "idle")
    error: str | None = member(TEXT_OR_NULL, None)
    errors: list[dict[str, Any]] = member({"type": "array"}, said="type, count and an example of each kind of error")
    at_least: bool = member(FLAG, False, said="counts are a lower bound: a run ended without a word", left_out=True)
    next_try_at: str | None = member(
        TIME_OR_NULL, None, said="when the first of the messages that failed comes again", left_out=True
    )
    closed_by: str | None = member(TEXT, None, said="who wrote it down, where that is not its owner", left_out=True)
    wait: dict[str, Any] | None = member(OBJECT_OR_NULL, None, left_out=True)


@dataclass(frozen=True, kw_only=True)
class Event(Document):
    """Something that an operator should find later: a command (audit), or what the watchdog met (incident)."""

    id: str = member(TEXT)
    at: str = member(TIME)
    kind: str = member({"type": "string", "enum": ["audit", "incident"]})
    schedule: str = member(TEXT)
    action: str | None = member(TEXT_OR_NULL, None)
    by: str | None = member(TEXT_OR_NULL, None)
    reason: str | None = member(TEXT_OR_NULL, None)
    cause: str | None = member(TEXT_OR_NULL, None, left_out=True)


def merged_errors(lists: list[list[dict[str, Any]]], most: int = 5) -> list[dict[str, Any]]:
    """Error classes of several documents as one list, the most frequent first; beyond `most` they are counted as other.

    Each is {"type", "count", "example"}.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in (error for errors in lists for error in errors):
        known = found.setdefault(str(each["type"]), {**each, "count": 0})
        known["count"] += int(each["count"])
    ordered = sorted(found.values(), key=lambda error: -int(error["count"]))
    rest = sum(int(error["count"]) for error in ordered[most:])
    other = [{"type": "other", "count": rest, "example": None}] if rest else []
    return ordered[:most] + other


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    return list(cast("list[Any]", value)) if isinstance(value, list | tuple) else value


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)
