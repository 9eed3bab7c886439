"""What Ebb keeps of a schedule's past: Execution, Cycle, Event and Backlog, as documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ebb.core.decision import Decision, Wait
from ebb.core.document import (
    COUNT,
    FLAG,
    SECONDS,
    SECONDS_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Document,
    Json,
    member,
    part,
    parts,
)

RUNNING = "running"  # of what has not ended
# What became of an execution: partlyFailed and failed are about its messages where it is not `broken`.
EXECUTION_OUTCOMES = ("succeeded", "partlyFailed", "failed", "timedOut", "stopped", "fenceLost", "lostHost")
BROKEN_OUTCOMES = ("failed", "timedOut", "lostHost")  # of an execution by a version that did not write `broken`
CYCLE_OUTCOMES = ("succeeded", "partlyFailed", "failed", "timedOut", "stopped", "terminated", "lostHost", "idle")


@dataclass(frozen=True, kw_only=True)
class SourceBacklog(Document):
    """How many messages waited in one of several sources."""

    name: str = member(TEXT)
    count: int | None = member({**COUNT, "type": ["integer", "null"]}, None, said="null where it could not be counted")
    error: str | None = member(TEXT_OR_NULL, None)


@dataclass(frozen=True, kw_only=True)
class Backlog(Document):
    """How many messages waited when a cycle was opened."""

    count: int = member(COUNT)
    measured_at: str = member(TIME)
    oldest_enqueued_at: str | None = member(
        TIME, None, said="when the oldest waiting message was put there, where counting tells", left_out=True
    )
    sources: tuple[SourceBacklog, ...] | None = parts(
        SourceBacklog, None, said="where a schedule has several", left_out=True
    )


@dataclass(frozen=True, kw_only=True)
class ErrorCount(Document):
    """Errors of one kind."""

    type: str = member(TEXT)
    count: int = member(COUNT)
    example: str | None = member(TEXT_OR_NULL, None)


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
    parked: int = member(COUNT, 0, said="given back for their key's sake (perKey), each time", left_out=True)
    parked_now: int = member(COUNT, 0, said="messages of these that have not come again yet", left_out=True)
    parked_since: str | None = member(
        TIME_OR_NULL, None, said="since when the first of these waits for its key", left_out=True
    )
    abandoned: int = member(COUNT, 0, said="handlers that still ran when the execution had ended", left_out=True)
    service_seconds: float = member(SECONDS, 0.0, said="in handlers, together")
    oldest_message_age: float | None = member(SECONDS_OR_NULL, None, said="seconds, when it was received")
    error: str | None = member(TEXT_OR_NULL, None, said="the first one")
    errors: tuple[ErrorCount, ...] = parts(ErrorCount, said="the most frequent first")
    source: str | None = member(TEXT, None, said="where a schedule has several sources", left_out=True)
    next_try_at: str | None = member(
        TIME_OR_NULL, None, said="when the first of the messages that failed or were parked comes again", left_out=True
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
        older: Json = {"broken": data.get("outcome") in BROKEN_OUTCOMES}
        return super().from_document({**older, **data})


@dataclass(frozen=True, kw_only=True)
class ExecutionOfCycle(Execution):
    """An execution with the cycle that it is of."""

    cycle: int = member(COUNT)


@dataclass(frozen=True, kw_only=True)
class ListedExecution(ExecutionOfCycle):
    """An execution as the list of all shows it."""

    name: str = member(TEXT, said="<schedule>-<cycle>-<index>")
    status: str = member({"enum": [*EXECUTION_OUTCOMES, RUNNING]}, said="the outcome, or that there is none yet")


@dataclass(frozen=True, kw_only=True)
class Cycle(Document):
    """One cycle that did or met something."""

    cycle: int = member(COUNT)
    started_at: str | None = member(TIME_OR_NULL, None)
    ended_at: str | None = member(TIME_OR_NULL, None)
    backlog: Backlog | None = part(Backlog, None)
    decision: Decision | None = part(Decision, None)
    executions: tuple[Execution, ...] = parts(Execution)
    processed: int = member(COUNT, 0)
    failed: int = member(COUNT, 0)
    poisoned: int = member(COUNT, 0)
    parked: int = member(COUNT, 0, said="given back for their key's sake (perKey), each time", left_out=True)
    parked_now: int = member(COUNT, 0, said="messages of these that had not come again at the end", left_out=True)
    parked_since: str | None = member(
        TIME_OR_NULL, None, said="since when the first of these waited for its key", left_out=True
    )
    abandoned: int = member(COUNT, 0, said="handlers that still ran when their execution had ended", left_out=True)
    outcome: str = member({"enum": [*CYCLE_OUTCOMES, RUNNING]}, "idle")
    error: str | None = member(TEXT_OR_NULL, None)
    errors: tuple[ErrorCount, ...] = parts(ErrorCount, said="the most frequent first")
    at_least: bool = member(FLAG, False, said="counts are a lower bound: a run ended without a word", left_out=True)
    next_try_at: str | None = member(
        TIME_OR_NULL, None, said="when the first of the messages that failed comes again", left_out=True
    )
    closed_by: str | None = member(TEXT, None, said="who wrote it down, where that is not its owner", left_out=True)
    wait: Wait | None = part(Wait, None, left_out=True)


@dataclass(frozen=True, kw_only=True)
class Parked(Document):
    """Messages that were given back for their keys' sake and have not come again (`perKey`)."""

    messages: int = member(COUNT)
    since: str | None = member(TIME_OR_NULL, None, said="since when the first of them waits for its key")


@dataclass(frozen=True, kw_only=True)
class Event(Document):
    """Something that an operator should find later: a command (audit), or what the watchdog met (incident).

    What is particular to an action stands beside these: `before` and `after` of settings, `messages` of a replay.
    """

    id: str = member(TEXT)
    at: str = member(TIME)
    kind: str = member({"type": "string", "enum": ["audit", "incident"]})
    schedule: str = member(TEXT)
    action: str | None = member(TEXT_OR_NULL, None)
    by: str | None = member(TEXT_OR_NULL, None)
    reason: str | None = member(TEXT_OR_NULL, None)
    cause: str | None = member(TEXT_OR_NULL, None, left_out=True)
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what is particular to the action

    def to_document(self) -> Json:
        """This event as plain JSON, its details among its own members."""
        return {**super().to_document(), **self.details}

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read `data`; what is not a member of every event is among the details."""
        event = super().from_document(data)
        return replace(event, details={key: value for key, value in data.items() if key not in event.to_document()})


def merged_errors(lists: Iterable[Iterable[ErrorCount]], most: int = 5) -> tuple[ErrorCount, ...]:
    """Errors of several documents as one list, the most frequent first; beyond `most` they are counted as other."""
    found: dict[str, ErrorCount] = {}
    for each in (error for errors in lists for error in errors):
        known = found.get(each.type)
        found[each.type] = each if known is None else replace(known, count=known.count + each.count)
    ordered = sorted(found.values(), key=lambda error: -error.count)
    rest = sum(error.count for error in ordered[most:])
    return (*ordered[:most], *((ErrorCount(type="other", count=rest),) if rest else ()))
