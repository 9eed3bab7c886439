"""A cron expression of Ebb or of a timer as the five fields that Container Apps and KEDA take: minute to day of week.

They read classic cron (https://pkg.go.dev/github.com/robfig/cron/v3): either of two days will do, there are no seconds,
and no L, W or #. What does not fit is said, not bent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cronsim import CronSim

from ebb.core.calendar.ncrontab import FIELDS, parse_six_fields

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def five_fields(expression: str) -> tuple[str, int]:
    """The five fields, and the second of the minute that they leave out (0 where there is none).

    Raises:
        ValueError: five fields cannot say it; says why.
    """
    if len(expression.split()) != len(FIELDS):
        if re.search(r"L|W|#", re.sub(r"[A-Z]{3}", "", expression.upper())):
            raise ValueError("it counts from the end of a month, or weekdays of one (L, W, #)")
        return " ".join(_without_seven(expression.split())), 0
    seconds, *rest = parse_six_fields(expression)
    if len(seconds) != 1:
        raise ValueError("it runs more than once a minute")
    fields = [
        _text(numbers, len(numbers) == field.highest - field.lowest + 1)
        for numbers, field in zip(rest, FIELDS[1:], strict=True)
    ]
    if fields[2] != "*" and fields[4] != "*":
        raise ValueError("it names days of the month and of the week: both must match here, either will do there")
    return " ".join(fields), seconds[0]


def _without_seven(fields: list[str]) -> list[str]:
    """Sunday is 0 there, and 7 is refused. Seven days stay named: a `*` beside a day of the month is another thing."""
    *others, weekdays = fields
    if "7" not in weekdays:
        return fields
    days = CronSim(f"* * * * {weekdays}", _ANY_TIME).weekdays  # pairs are the n-th of a month, which L, W, # rule out
    numbers = tuple(sorted({day % 7 for day in days if isinstance(day, int)}))
    return [*others, _text(numbers, whole=False)]


def _text(numbers: tuple[int, ...], whole: bool) -> str:
    """The numbers as a cron field, neighbours together: `1-5,9`."""
    if whole:
        return "*"
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def period_fields(seconds: float) -> str:
    """The five fields that come each `seconds`.

    Raises:
        ValueError: no cron expression comes so often; says which periods near it can be.
    """
    if seconds in _PERIODS:
        return _PERIODS[seconds]
    shorter = [period for period in _PERIODS if period < seconds]
    longer = [period for period in _PERIODS if period > seconds]
    near = [_spoken(period) for period in (*shorter[-1:], *longer[:1])]
    raise ValueError(f"no cron expression comes each {_spoken(seconds)}; it can each {' or '.join(near)}")


def _periods() -> dict[float, str]:
    """Seconds -> fields, for every period that divides the hour, the day or the week evenly."""
    minutes = {60.0 * n: f"*/{n} * * * *" if n > 1 else "* * * * *" for n in range(1, 31) if 60 % n == 0}
    hours = {3600.0 * n: f"0 */{n} * * *" if n > 1 else "0 * * * *" for n in range(1, 13) if 24 % n == 0}
    return {**minutes, **hours, 86_400.0: "0 0 * * *", 604_800.0: "0 0 * * 0"}


_PERIODS = _periods()


def _spoken(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
