"""Times of a cron expression in a time zone, with daylight saving as Debian's cron has it, or Azure Functions.

Five fields (minute, hour, day of month, month, day of week) are classic cron: where both days are given, either will
do. Six fields, with the second first, are read as in Azure Functions (`ebb/core/calendar/ncrontab.py`): both days must
match.

When clocks change, a job at a fixed time whose time is skipped runs at the first minute after the gap; one whose time
comes twice runs at the first of the two. Expressions whose minute or hour begins with `*` follow real time instead:
they skip what does not exist and run in both of two equal hours. Six fields follow the timer trigger of Azure Functions
(CronSchedule.cs of azure-webjobs-sdk-extensions), which shifts a skipped time by the length of the gap, and has its own
rule for what follows real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ebb.core.calendar.ncrontab import FIELDS, SixFields, parse_six_fields
from ebb.core.wording import counted

_WITH_SECONDS = len(FIELDS)


def check_cron(expression: str) -> None:
    """Make sure that `expression` is one and has a time at all.

    Raises:
        ValueError: says what is wrong with it.
    """
    count = len(expression.split())
    if count not in (_WITH_SECONDS - 1, _WITH_SECONDS):
        fields = f"it has {counted(count, 'field')}, wanted are 5 or 6"
        raise ValueError(f"is not a cron expression: {fields}; write it as '0 2 * * *'")
    try:
        next(_times(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression ({error}); write it as '0 2 * * *'") from error
    except StopIteration as error:
        raise ValueError("never comes: no such date in 50 years") from error


def cron_ticks(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The times of `expression` strictly after `after`, in order, in `zone`.

    Raises:
        ValueError: `expression` is none (settings refuse it).
    """
    try:
        if len(expression.split()) == _WITH_SECONDS:
            return _as_timer_trigger(parse_six_fields(expression), zone, after)
        return _as_debian(CronSim(expression, after.astimezone(UTC if zone.key == "UTC" else zone)), zone, after)
    except (CronSimError, ValueError) as error:
        raise ValueError(f"{expression!r}: {error}") from error


def _times(expression: str, after: datetime) -> Iterator[datetime]:
    if len(expression.split()) == _WITH_SECONDS:
        return _on_the_clock(parse_six_fields(expression), after)
    return CronSim(expression, after)


def _as_debian(ticks: CronSim, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    latest = after
    for tick in ticks:
        # In the second of two equal hours the library names the first one again, and two skipped times fall together.
        if tick.astimezone(UTC) > latest:
            latest = tick.astimezone(UTC)
            yield latest.astimezone(zone)


def _as_timer_trigger(numbers: SixFields, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    # An interval is what NCrontab writes with a range or a star in its first three fields.
    is_interval = any(later - earlier == 1 for field in numbers[:3] for earlier, later in pairwise(field))
    now = after.astimezone(UTC).astimezone(zone)
    while True:
        for local in _on_the_clock(numbers, now.replace(tzinfo=None, fold=0)):
            following = _second_of_two(local, zone)
            back = _offset(now) - _offset(following)
            if back and (_comes_twice(following) or (is_interval and _comes_twice(now))):
                now = (following.astimezone(UTC) - back).astimezone(zone)
                break
            if is_interval or not _comes_twice(following):
                now = following.astimezone(UTC).astimezone(zone)
                break
        else:
            return
        yield now


def _on_the_clock(numbers: SixFields, after: datetime) -> Iterator[datetime]:
    times = CronSim(" ".join(",".join(map(str, field)) for field in numbers), after)
    times.day_and = True
    return times


def _second_of_two(local: datetime, zone: ZoneInfo) -> datetime:
    """`local` in `zone` as .NET takes it: of two equal times the second, in a gap by the offset before it."""
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return second if _comes_twice(first) else first


def _comes_twice(moment: datetime) -> bool:
    return _offset(moment.replace(fold=0)) > _offset(moment.replace(fold=1))


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)
