"""The reading side of the ledger: what was put, handled, executed, poisoned and broken, as plain values.

Events and their fields, besides `at` (UNIX seconds) and `pid`:

    put       number, message (id), job, schedule, certain (false: the put failed, and may have been done all the same)
    begin     number, message, key, tries, host, schedule, cycle, execution, owner, run       a handler begins
              batch                                                                      with others of this name
    end       the same, and outcome: done, raised, refused, cancelled                    it ends
    effect    message, number, unsure, host, run                                         what is to happen once happens
    open      host, schedule, cycle, execution, owner, run                               an execution begins
    close     the same, and processed, poisoned as it reports them                       it ends
    poisoned  message, number, reason, whole (whether its body is what was put)          found in the poison place
    death     host                                                                       its process ended
    fault     id, kind, doubles (whether it may make a message come twice), host         something was broken
    mended    id                                                                         and is whole again

A message that was put back from the poison place has another id. Its number is the same, so it counts as the one that
was put.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEASE = 4  # seconds: visibilityTimeout of the schedules
_FOREVER = float("inf")


@dataclass(frozen=True)
class Put:
    """A message that the feeder put."""

    number: int
    message: str
    job: str
    schedule: str
    at: float
    certain: bool = True


@dataclass
class Handling:
    """One call of a handler. `end` is None while it has not ended, or never will."""

    number: int | None
    message: str
    tries: int
    host: str
    run: str
    schedule: str
    cycle: int
    begin: float
    end: float | None = None
    outcome: str | None = None
    key: str | None = None
    batch: str | None = None


@dataclass
class Effect:
    """An effect that was to happen once, at the moment at which it happened."""

    message: str
    number: int
    unsure: str
    host: str
    at: float


@dataclass
class Execution:
    """One run of an execution."""

    schedule: str
    owner: str
    cycle: int
    index: int
    host: str
    run: str
    begin: float
    end: float | None = None


@dataclass
class Span:
    """A time in which something was broken; of one host, or of all."""

    kind: str
    begin: float
    end: float = _FOREVER
    host: str | None = None
    doubles: bool = True

    def touches(self, begin: float, end: float) -> bool:
        """Whether the two times have a moment in common."""
        return self.begin <= end and begin <= self.end


@dataclass
class Record:
    """A whole ledger."""

    puts: dict[int, Put] = field(default_factory=dict[int, Put])
    handlings: list[Handling] = field(default_factory=list[Handling])  # in the order of their beginnings
    executions: list[Execution] = field(default_factory=list[Execution])
    effects: list[Effect] = field(default_factory=list[Effect])
    replayed: set[str] = field(default_factory=set[str])  # messages that were put back from the poison place
    poisoned: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, "str | None"]])  # message, reason
    mangled: list[str] = field(default_factory=list[str])  # poisoned messages whose body is not what was put
    deaths: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # time, host
    spans: list[Span] = field(default_factory=list[Span])

    def death_of(self, host: str, after: float) -> float | None:
        """When `host` died first at or after that time."""
        return min((at for at, who in self.deaths if who == host and at >= after), default=None)

    def first_id(self, number: object, message: str) -> str:
        """The id under which a message was put, where that is known."""
        put = self.puts.get(number) if isinstance(number, int) else None
        return put.message if put is not None and put.certain else message


def read(path: Path) -> Record:
    """The record in the file at `path`; empty where there is none.

    The last line may be there in part only: a write that crosses a page of memory is seen page by page.
    """
    whole, _, _ = path.read_text().rpartition("\n") if path.exists() else ("", "", "")
    return record_of(json.loads(line) for line in whole.splitlines())


def record_of(events: Iterable[dict[str, Any]]) -> Record:
    """The record that these events make, in their order."""
    record = Record()
    handlings: dict[tuple[str, str, int, int], Handling] = {}
    executions: dict[str, Execution] = {}
    spans: dict[str, Span] = {}
    poisoned: list[dict[str, Any]] = []
    for event in events:
        kind, at = event["event"], float(event["at"])
        if kind == "put":
            put = _put(event)
            record.puts[put.number] = put
        elif kind in ("begin", "end"):
            _handling(record, handlings, event)
        elif kind == "open":
            execution = executions[event["run"]] = _execution(event)
            record.executions.append(execution)
        elif kind == "close":
            executions[event["run"]].end = at
        elif kind == "poisoned":
            poisoned.append(event)
        elif kind == "effect":
            fields = event["message"], event["number"], event["unsure"], event["host"], at
            record.effects.append(Effect(*fields))
        else:
            _broken(record, spans, event)
    _name_as_put(record, poisoned)
    return record


def _name_as_put(record: Record, poisoned: list[dict[str, Any]]) -> None:
    """Give messages that were put back the ids under which they were put; a put may be written down after them."""
    for each in (*record.handlings, *record.effects):
        first = record.first_id(each.number, each.message)
        record.replayed |= {first} if first != each.message else set()
        each.message = first
    for event in poisoned:
        message = record.first_id(event.get("number"), event["message"])
        record.poisoned.append((message, event["reason"]))
        record.mangled += [] if event.get("whole", True) else [message]


def _broken(record: Record, spans: dict[str, Span], event: dict[str, Any]) -> None:
    kind, at = event["event"], float(event["at"])
    if kind == "death":
        record.deaths.append((at, event["host"]))
    elif kind == "fault":
        span = spans[event["id"]] = Span(event["kind"], at, host=event.get("host"), doubles=event["doubles"])
        record.spans.append(span)
    elif kind == "mended":
        spans[event["id"]].end = at


def _put(event: dict[str, Any]) -> Put:
    return Put(
        event["number"], event["message"], event["job"], event["schedule"], event["at"], event.get("certain", True)
    )


def _handling(record: Record, known: dict[tuple[str, str, int, int], Handling], event: dict[str, Any]) -> None:
    key = (event["run"], event["message"], event["tries"], event["pid"])
    if event["event"] == "begin":
        handling = known[key] = Handling(
            event["number"],
            event["message"],
            event["tries"],
            event["host"],
            event["run"],
            event["schedule"],
            event["cycle"],
            event["at"],
            batch=event.get("batch"),
            key=event.get("key"),
        )
        record.handlings.append(handling)
    elif key in known:
        known[key].end, known[key].outcome = event["at"], event["outcome"]


def _execution(event: dict[str, Any]) -> Execution:
    return Execution(
        event["schedule"],
        event["owner"],
        event["cycle"],
        event["execution"],
        event["host"],
        event["run"],
        event["at"],
    )
