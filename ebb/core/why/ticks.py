"""The ticks around a moment: which one was due then, and which came before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Self

from ebb.core.calendar.clock_changes import clock_change
from ebb.core.calendar.ticks import tick_times
from ebb.core.why.answer import Evidence
from ebb.core.why.past import EARLY, LATE, Past
from ebb.core.why.tellings import clock
from ebb.core.wording import duration, local_time

_BACK = tuple(map(timedelta, (0.05, 1, 8, 40, 400)))  # days in which the tick before is looked for, the shortest first


@dataclass(frozen=True, slots=True)
class Ticks:
    """What cron or fixedRate say of a moment."""

    rule: str
    before: datetime | None
    due: datetime | None
    after: datetime | None

    @classmethod
    def around(cls, past: Past) -> Self:
        """The ticks around `past.at`, within the windows of the schedule."""
        settings, began = past.settings, past.began or past.at
        following = tick_times(settings, began, past.at - EARLY - timedelta(microseconds=1))
        first = next(following, None)
        is_due = first is not None and first <= past.at + LATE
        if settings.wait_mode == "cron":
            rule = f"cron {settings.cron} in {settings.time_zone}"
        else:
            rule = f"fixedRate, every {duration(settings.polling_interval)} since {clock(past, began)}"
        return cls(rule, _before(past, began), first if is_due else None, next(following, None) if is_due else first)

    def told(self, past: Past) -> str:
        """That no tick falls on the moment, and which ones are near; the schedule's zone where it is another one."""
        sides = [f"the one before at {clock(past, self.before)}"] if self.before else []
        sides += [f"the next one at {clock(past, self.after)}"] if self.after else ["no other one comes"]
        there = past.at.astimezone(past.settings.zone)
        zone = f" ({local_time(there)})" if there.utcoffset() != past.at.utcoffset() else ""
        return f"no tick falls on {clock(past, past.at)}{zone}: {self.rule} has {' and '.join(sides)}{self._change()}"

    def evidence(self, past: Past) -> tuple[Evidence, ...]:
        """The ticks in the schedule's own zone."""
        found = [(self.before, "the tick before"), (self.due, "the tick of then"), (self.after, "the next tick")]
        zone = past.settings.zone
        return tuple(Evidence(at, f"{what}: {local_time(at.astimezone(zone))}") for at, what in found if at)

    def _change(self) -> str:
        """What the clocks of the schedule's zone did between the ticks around the moment."""
        change = clock_change(self.before, self.after) if self.before and self.after else None
        return f"; between them {change}" if change else ""


def _before(past: Past, began: datetime) -> datetime | None:
    last: datetime | None = None
    for back in _BACK:
        ticks = tick_times(past.settings, began, past.at - back)
        for tick in takewhile(lambda tick: tick < past.at - EARLY, ticks):
            last = tick
        if last is not None:
            return last
    return None
