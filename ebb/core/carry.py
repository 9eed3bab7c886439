"""What a schedule remembers from cycle to cycle beyond its counters: small, plain JSON in the orchestration's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Json
from ebb.core.planning.rates import SERVICE_WEIGHT, Goal, Rates, arrival_weight, blended, observed_arrivals


@dataclass(frozen=True, slots=True)
class Carry:
    """All fields are optional on reading, so that any version of the app reads what any other wrote."""

    began: str | None = None  # RFC 3339: when this run of the schedule started; ticks of fixedRate are counted from it
    due: str | None = None  # RFC 3339: the time for which the coming cycle was planned; None: for none
    worked: int = 0  # cycles that ran executions
    missed: int = 0  # ticks that passed unused while the schedule worked
    message_seconds: float | None = None
    arrivals: float | None = None  # messages per second
    backlog: float | None = None  # at the latest measurement
    measured: str | None = None  # RFC 3339: when that was
    settled: float = 0  # messages that left for good since then
    goal_left: float | None = None  # drainTime: messages still owed of the backlog that the goal was set for
    goal_until: str | None = None  # RFC 3339: when they should be gone
    abandoned: int = 0  # executions with handlers that still ran, when that was last looked at
    followed: Mapping[str, int] | None = None  # of `after`: the drained cycle of each other schedule that it ran for
    lanes: Mapping[str, tuple[float, ...]] | None = None  # what strict or weighted lanes remember, a number each
    continues: bool = False  # the cycle before left a backlog, or failed: this one need not wait for others

    @classmethod
    def from_json(cls, data: object) -> Carry:
        """Read what any version wrote; what cannot be read counts as not there."""
        if not isinstance(data, Mapping):
            return cls()
        given = cast("Mapping[str, Any]", data)
        return cls(
            began=_moment(given.get("began")),
            due=_moment(given.get("due")),
            worked=int(_number(given.get("worked")) or 0),
            missed=int(_number(given.get("missed")) or 0),
            message_seconds=_number(given.get("message_seconds")),
            arrivals=_number(given.get("arrivals")),
            backlog=_number(given.get("backlog")),
            measured=_moment(given.get("measured")),
            settled=_number(given.get("settled")) or 0,
            goal_left=_number(given.get("goal_left")),
            goal_until=_moment(given.get("goal_until")),
            abandoned=int(_number(given.get("abandoned")) or 0),
            followed=_counts(given.get("followed")),
            lanes=_lanes(given.get("lanes")),
            continues=given.get("continues") is True,
        )

    def to_json(self) -> Json:
        """Only what is known, so that an idle schedule's state stays small."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) != getattr(_NOTHING, name)}

    @property
    def rates(self) -> Rates:
        """The speed measured so far."""
        return Rates(self.message_seconds, self.arrivals)

    @property
    def began_at(self) -> datetime | None:
        """When this run of the schedule started."""
        return parse_rfc3339(self.began) if self.began else None

    @property
    def due_at(self) -> datetime | None:
        """The time for which the coming cycle was planned."""
        return parse_rfc3339(self.due) if self.due else None

    def started(self, now: datetime) -> Carry:
        """With the start of this run, if it is not known yet."""
        return self if self.began else replace(self, began=rfc3339(now))

    def measuring(self, backlog: float, now: datetime) -> Carry:
        """After a measurement: the arrivals since the one before are learned."""
        arrivals = self.arrivals
        if self.measured is not None and self.backlog is not None:
            seconds = (now - parse_rfc3339(self.measured)).total_seconds()
            observed = observed_arrivals(self.backlog, self.settled, backlog, seconds)
            if observed is not None:
                arrivals = blended(arrivals, observed, arrival_weight(seconds))
        owed = None if self.goal_left is None else min(max(self.goal_left - self.settled, 0), backlog)
        return replace(self, arrivals=arrivals, backlog=backlog, measured=rfc3339(now), settled=0, goal_left=owed)

    def aiming(self, backlog: float, now: datetime, seconds: float) -> Carry:
        """With a goal: what is owed of the present one, or all of `backlog` within `seconds` once that is met.

        Without this memory each cycle would give the rest of a backlog the full time again, and never be done.
        """
        if self.goal_left and self.goal_until:
            return self
        if backlog <= 0:
            return replace(self, goal_left=None, goal_until=None)
        return replace(self, goal_left=backlog, goal_until=rfc3339(now + timedelta(seconds=seconds)))

    def goal(self, now: datetime) -> Goal | None:
        """What is owed now, and how long there is for it."""
        if not self.goal_left or self.goal_until is None:
            return None
        return Goal(self.goal_left, (parse_rfc3339(self.goal_until) - now).total_seconds())

    def working(self, settled: int, message_seconds: float | None, abandoned: int = 0) -> Carry:
        """After the executions of a cycle: what left for good, how long a message took, and how many left handlers."""
        learned = blended(self.message_seconds, message_seconds, SERVICE_WEIGHT)
        return replace(
            self,
            worked=self.worked + 1,
            settled=self.settled + settled,
            message_seconds=learned,
            abandoned=self.abandoned + abandoned,
        )

    def planned(self, due: datetime | None, missed: int = 0) -> Carry:
        """With the time for which the next cycle is planned, and the ticks that were missed before it."""
        return replace(self, due=rfc3339(due) if due else None, missed=self.missed + missed)


def memory_of(carry: Carry, since: datetime | None) -> Json:
    """`carry` as it stands on a schedule's row, with the time of the change of intent that it belongs to."""
    return {"since": rfc3339(since) if since else None, "carry": carry.to_json()}


def carry_of(memory: Mapping[str, Any] | None, since: datetime | None) -> Carry | None:
    """What `memory_of` wrote; None where nothing was written since the change of intent at `since`."""
    if not memory or memory.get("since") != (rfc3339(since) if since else None):
        return None
    return Carry.from_json(memory.get("carry"))


_NOTHING = Carry()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < 1e15 else None


def _counts(value: object) -> dict[str, int] | None:
    if not isinstance(value, Mapping):
        return None
    given = cast("Mapping[str, object]", value)
    return {str(name): int(number) for name, count in given.items() if (number := _number(count)) is not None}


def _lanes(value: object) -> dict[str, tuple[float, ...]] | None:
    if not isinstance(value, Mapping):
        return None
    given = cast("Mapping[str, object]", value)
    return {
        str(mode): tuple(_number(number) or 0.0 for number in cast("list[object]", numbers))
        for mode, numbers in given.items()
        if isinstance(numbers, list | tuple)
    }


def _moment(value: object) -> str | None:
    try:
        return rfc3339(parse_rfc3339(value)) if isinstance(value, str) else None
    except ValueError:
        return None
