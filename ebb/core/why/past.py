"""What is known of a schedule around a moment: its intent and settings then, its cycles, its looks at the backlog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from ebb.core.clock import parse_rfc3339
from ebb.core.planning.dependencies import has_drained
from ebb.core.row.looks import EVERY, Look, time_of
from ebb.core.settings.schedule_settings import ScheduleSettings

EARLY = timedelta(seconds=1)  # as much before its time may a cycle begin: clocks of two machines differ
LATE = timedelta(seconds=60)  # and as much after it (and its jitter), and still be the one of that time
SLACK = timedelta(seconds=60)  # that a look may be late by, where the host is well
_INTENTS = {"start": "running", "resume": "running", "pause": "paused", "stop": "stopped"}

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class IntentThen:
    """What an operator wanted of the schedule at that moment."""

    intent: str  # running, paused, stopped
    since: datetime | None = None  # None: it was never touched before
    by: str | None = None
    reason: str | None = None
    until: datetime | None = None  # of a pause


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A schedule that this one comes after, as its history says."""

    name: str
    drained: datetime | None  # when it last drained before the moment
    working: Document | None = None  # its cycle that was at work then


@dataclass(frozen=True, kw_only=True)
class Past:
    """Everything that the answer is made of. Times are aware; `at` is in the zone in which the answer speaks."""

    name: str
    at: datetime
    now: datetime
    settings: ScheduleSettings  # in force at `at`
    intent: IntentThen | None  # None: the history does not reach back so far
    began: datetime | None = None  # when this run of the schedule began: ticks of fixedRate count from it
    cycles: Sequence[Document] = ()  # around `at`; one at work has no endedAt
    looks: Sequence[Look] = ()
    incidents: Sequence[Document] = ()
    retuned: Document | None = None  # the first change of settings after `at`
    ahead: Sequence[Ahead] = ()  # those that `after` names
    live: Document = field(default_factory=dict[str, Any])  # the Schedule document of now

    @property
    def late(self) -> datetime:
        """Until when a cycle may begin and be the one of the moment."""
        return self.at + LATE + timedelta(seconds=self.settings.jitter)

    @property
    def is_about_now(self) -> bool:
        """Whether the moment is the present one: then the live status tells more than the history."""
        return abs(self.now - self.at) <= LATE

    @property
    def ordered(self) -> list[Document]:
        """The cycles that have a beginning, oldest first."""
        return sorted((each for each in self.cycles if each.get("startedAt")), key=began_of)

    @property
    def before(self) -> Document | None:
        """The last cycle that ended before the moment."""
        ended = [each for each in self.ordered if (end := ended_of(each)) is not None and end <= self.at]
        return max(ended, key=lambda each: ended_of(each) or began_of(each), default=None)

    @property
    def signs(self) -> list[datetime]:
        """Times at which the schedule was surely at work, or looked; oldest first."""
        found = {time_of(each) for each in self.looks}
        found.update(time for each in self.ordered for time in (began_of(each), ended_of(each)) if time is not None)
        return sorted(found)

    def sign_before(self) -> datetime | None:
        """The last sign until the moment."""
        return max((each for each in self.signs if each <= self.at + EARLY), default=None)

    def sign_after(self) -> datetime | None:
        """The first sign after the moment."""
        return min((each for each in self.signs if each > self.at + EARLY), default=None)

    @property
    def longest_silence(self) -> timedelta:
        """How long a schedule that polls may leave no sign while it is well."""
        return timedelta(seconds=max(self.settings.max_polling_interval, self.settings.polling_interval, EVERY)) + SLACK


def intent_at(events: Iterable[Document], at: datetime) -> IntentThen | None:
    """What the last command until `at` asked for; None where there is none among `events`."""
    told = [each for each in events if each.get("kind") == "audit" and each.get("action") in _INTENTS]
    last = max((each for each in told if moment(each["at"]) <= at), key=lambda each: moment(each["at"]), default=None)
    if last is None:
        return None
    until = last.get("until")
    return IntentThen(
        intent=_INTENTS[str(last["action"])],
        since=moment(last["at"]),
        by=last.get("by"),
        reason=last.get("reason"),
        until=moment(until) if until else None,
    )


def settings_then(events: Iterable[Document], at: datetime) -> Document | None:
    """The first change of settings after `at`: its `before` are the overrides that were in force."""
    told = [each for each in events if "before" in each and "after" in each and moment(each["at"]) > at]
    return min(told, key=lambda each: moment(each["at"]), default=None)


def drained_in(cycles: Iterable[Document]) -> datetime | None:
    """When the last of these cycles that left nothing behind ended: then those who come after could run."""
    ended = (end for each in cycles if _left_nothing(each) and (end := ended_of(each)) is not None)
    return max(ended, default=None)


def moment(text: object) -> datetime:
    """An RFC 3339 text of the history as a time."""
    return parse_rfc3339(str(text))


def began_of(cycle: Document) -> datetime:
    """When a cycle began."""
    return moment(cycle["startedAt"])


def ended_of(cycle: Document) -> datetime | None:
    """When a cycle ended; None while it is at work."""
    return moment(cycle["endedAt"]) if cycle.get("endedAt") else None


def _left_nothing(cycle: Document) -> bool:
    executions = cast("Sequence[Document]", cycle.get("executions") or ())
    received = sum(int(each.get("received") or 0) for each in executions)
    return has_drained(str(part_of(cycle, "wait").get("code")), str(cycle.get("outcome")), received)


def part_of(cycle: Document, name: str) -> Document:
    """An object in a document, such as `decision` or `wait` of a cycle; empty where it has none."""
    return cast("Document", cycle.get(name) or {})
