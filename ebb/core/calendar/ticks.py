"""The ticks of fixedRate and cron: when they are, which lie inside the windows, and which were missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from ebb.core.calendar.cron import cron_ticks
from ebb.core.calendar.windows import Window, next_open

COUNT_LIMIT = 10_000  # missed ticks that are counted; more are "so many"
EMPTY_LIMIT = 400  # windows in a row without a tick: more than a year of daily ones
_SHORTEST = timedelta(microseconds=1)
TIMER_TOLERANCE = timedelta(seconds=1)  # the clocks of two machines differ: a timer may seem to fire early by this


class Ticking(Protocol):
    """What ticks follow from; the settings of a schedule have it all."""

    @property
    def follows_ticks(self) -> bool: ...
    @property
    def cron(self) -> str | None: ...
    @property
    def polling_interval(self) -> float: ...
    @property
    def zone(self) -> ZoneInfo: ...
    @property
    def active_windows(self) -> tuple[Window, ...]: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a schedule stands in time when it plans a wait. Without one, only afterCompletion can be planned."""

    now: datetime
    opened: datetime | None = None  # when the cycle that ends now was opened; None: it ends as it opens
    due: datetime | None = None  # the time for which that cycle was planned
    began: datetime | None = None  # the first start: fixedRate counts from it
    worked: int = 0  # cycles that ran executions, this one included
    seed: str = ""  # schedule and cycle, so that jitter differs between them and yet repeats

    @property
    def base(self) -> datetime:
        """The time after which ticks count as not used yet."""
        start = self.opened or self.now
        early = self.due is not None and start < self.due <= start + TIMER_TOLERANCE
        return self.due if early and self.due is not None else start


def missed_ticks(settings: Ticking, moment: Moment, until: datetime) -> int:
    """How many ticks inside the windows lie after the cycle's own and not after `until`; at most COUNT_LIMIT."""
    if not settings.follows_ticks:
        return 0
    found = 0
    for tick in islice(tick_times(settings, moment.began, moment.base), COUNT_LIMIT):
        if tick > until:
            break
        found += 1
    return found


def tick_times(settings: Ticking, began: datetime | None, after: datetime) -> Iterator[datetime]:
    """The ticks of fixedRate or cron strictly after `after` that lie inside the windows, in the settings' time zone.

    Ends where so many windows in a row open and close without a tick that no other can be expected.
    """
    windows, zone = settings.active_windows, settings.zone
    empty_windows = 0
    while empty_windows < EMPTY_LIMIT:
        span: tuple[datetime, datetime] | None = None
        for tick in _all_ticks(settings, began, after):
            if windows and (span is None or tick >= span[1]):
                span = next_open(windows, zone, tick)
                if span is None:
                    return
            if span is not None and tick < span[0]:
                after, empty_windows = span[0] - _SHORTEST, empty_windows + 1
                break
            empty_windows = 0
            yield tick.astimezone(zone)
        else:
            return


def _all_ticks(settings: Ticking, began: datetime | None, after: datetime) -> Iterator[datetime]:
    if settings.cron is not None:
        yield from cron_ticks(settings.cron, settings.zone, after)
        return
    period = timedelta(seconds=settings.polling_interval)
    start = began or after
    number = max((after - start) // period + 1, 0)
    while True:
        yield start + number * period
        number += 1
