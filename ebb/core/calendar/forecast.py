"""When a schedule runs next: its ticks or its windows' openings, with what the clock's changes do to them.

Ticks are exact as long as the work of one is done before the next. Without ticks only the next cycle has a time; those
after it are counted as if each found nothing to do, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from ebb.core.calendar.clock_changes import clock_change
from ebb.core.calendar.ticks import tick_times
from ebb.core.calendar.windows import next_open
from ebb.core.clock import rfc3339
from ebb.core.next_times import Fire
from ebb.core.planning.waits import next_wait
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import duration, local_time


@dataclass(frozen=True)
class FireTime:
    """A time at which a cycle begins."""

    at: datetime  # in the schedule's time zone
    reason: str
    note: str | None = None  # what the clocks, or the windows, have to do with it

    def told(self) -> Fire:
        """As a document: in UTC, and in the schedule's zone."""
        return Fire(at=rfc3339(self.at), local=local_time(self.at), reason=self.reason, note=self.note)


def fire_times(
    settings: ScheduleSettings,
    now: datetime,
    count: int,
    *,
    began: datetime | None = None,
    following: tuple[datetime, str] | None = None,
    idle: int = 0,
) -> list[FireTime]:
    """The next `count` times at which a cycle of a schedule with these settings begins.

    Args:
        began: when the schedule was started; ticks of fixedRate count from it. None: it starts now.
        following: time and reason of the next cycle, where that is known already (a wait that is on).
        idle: cycles in a row that found nothing.
    """
    fires = _ticks(settings, now, began) if settings.follows_ticks else _polls(settings, now, following, idle)
    end = settings.end_after
    last = (began or now) + timedelta(seconds=end.time) if end and end.time else None
    found = list(islice(takewhile(lambda fire: last is None or fire.at <= last, fires), count))
    return _with_clock_changes(found, now.astimezone(settings.zone))


def _ticks(settings: ScheduleSettings, now: datetime, began: datetime | None) -> Iterator[FireTime]:
    cron, every = settings.cron, duration(settings.polling_interval)
    reason = f"cron {cron}" if settings.wait_mode == "cron" else f"fixedRate, every {every}"
    just_before = now - timedelta(microseconds=1)
    return (FireTime(tick, reason) for tick in tick_times(settings, began or now, just_before))


def _polls(
    settings: ScheduleSettings, now: datetime, following: tuple[datetime, str] | None, idle: int
) -> Iterator[FireTime]:
    moment, reason = following or (now, "at once, if it is started now")
    brings_work = all(source.can.periodic for source in settings.all_sources)
    assumed = "as if that took no time" if brings_work else "if that finds nothing to do"
    while True:
        opening = next_open(settings.active_windows, settings.zone, moment) if settings.windows else None
        if opening is not None and opening[0] > moment:
            moment, reason = opening[0], "a window opens"
        yield FireTime(moment.astimezone(settings.zone), reason)
        idle += 1
        wait = next_wait(_without_calendar(settings), idle_cycles=idle)
        moment += timedelta(seconds=wait.seconds)
        reason = f"{duration(wait.seconds)} after the one before, {assumed}"


def _without_calendar(settings: ScheduleSettings) -> ScheduleSettings:
    """The settings for the wait alone; windows are looked at after it."""
    return settings.model_copy(update={"windows": (), "end_after": None, "jitter": 0.0})


def _with_clock_changes(found: list[FireTime], now: datetime) -> list[FireTime]:
    """The times, with a note at each before which the offset from UTC has changed."""
    earlier = [now, *(fire.at for fire in found)]
    return [
        FireTime(fire.at, fire.reason, clock_change(before_it, fire.at, " before it") or fire.note)
        for before_it, fire in zip(earlier, found, strict=False)
    ]
