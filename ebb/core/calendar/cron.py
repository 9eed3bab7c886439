"""Times of a cron expression in a time zone, with daylight saving as Debian's cron has it.

Five fields (minute, hour, day of month, month, day of week) are classic cron: where both days are given, either will
do. Six fields, with the second first, are read as in Azure Functions (`ebb/core/calendar/ncrontab.py`): both days must
match.

When clocks change, a job at a fixed time whose time is skipped runs at the first minute after the gap; one whose time
comes twice runs at the first of the two. Expressions whose minute or hour begins with `*`, and all with six fields,
follow real time instead: they skip what does not exist and run in both of two equal hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from ebb.core.calendar.ncrontab import parse_six_fields


def check_cron(expression: str) -> None:
    """Make sure that `expression` is one and has a time at all.

    Raises:
        ValueError: says what is wrong with it.
    """
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
    local = after.astimezone(UTC if zone.key == "UTC" else zone)
    try:
        ticks = _times(expression, local)
    except (CronSimError, ValueError) as error:
        raise ValueError(f"{expression!r}: {error}") from error
    latest = after
    for tick in ticks:
        # In the second of two equal hours the library names the first one again, and two skipped times fall together.
        if tick.astimezone(UTC) > latest:
            latest = tick.astimezone(UTC)
            yield latest.astimezone(zone)


def _times(expression: str, after: datetime) -> CronSim:
    if len(expression.split()) != 6:
        return CronSim(expression, after)
    times = CronSim(" ".join(",".join(map(str, numbers)) for numbers in parse_six_fields(expression)), after)
    times.day_and = True
    return times
