"""NCrontab's expressions, the whole grammar and nothing more: five or six fields, lists, ranges, steps, short names.

After the library's CrontabFieldImpl and CrontabSchedule: no `?`, `L`, `W`, `#`, no 7 for Sunday; a range from high to
low is turned round; a step with one number runs to the end of the field; only spaces separate fields, and no part of a
list may be empty. A time must match day of month and day of week both.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from devhost.errors import AppError

_MONTHS = tuple(calendar.month_name[1:])
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_NUMBER = re.compile(r"[\t-\r]*([+-]?[0-9]+)[\t-\r]*")  # as int.Parse takes it, where no space can be
_LARGEST = 2**31 - 1
LAST_YEAR = 9999


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("seconds", 0, 59),
    _Field("minutes", 0, 59),
    _Field("hours", 0, 23),
    _Field("days", 1, 31),
    _Field("months", 1, 12, _MONTHS),
    _Field("days of the week", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True)
class Crontab:
    """A read expression: the values of each field, in order."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    has_seconds: bool = True

    @property
    def is_interval(self) -> bool:
        """Whether it counts as an interval when clocks are put back (CronSchedule.IsInterval of the timer extension).

        It does when one of the fields before the day holds two values in a row: NCrontab writes them as a range.
        """
        fields = (self.seconds, self.minutes, self.hours) if self.has_seconds else (self.minutes, self.hours)
        return any(later - earlier == 1 for field in fields for earlier, later in pairwise(field))

    @property
    def is_frequent(self) -> bool:
        """Whether it runs more than once in each minute."""
        rest = (self.minutes, self.hours, self.days, self.months, self.weekdays)
        return len(self.seconds) > 1 and [len(field) for field in rest] == [60, 24, 31, 12, 7]

    def after(self, moment: datetime) -> datetime | None:
        """The next time later than `moment`, a naive local time; None when there is none until the year 9999."""
        start = moment.replace(microsecond=0) + timedelta(seconds=1)
        for day in self._days_from(start):
            floor = start if day.date() == start.date() else day
            for hour in self.hours:
                for minute in self.minutes:
                    if (hour, minute) < (floor.hour, floor.minute):
                        continue
                    for second in self.seconds:
                        found = day.replace(hour=hour, minute=minute, second=second)
                        if found >= floor:
                            return found
        return None

    def _days_from(self, start: datetime) -> Iterator[datetime]:
        day = start.replace(hour=0, minute=0, second=0)
        while True:
            if day.month not in self.months:
                day = _first_of_next_month(day)
            elif day.day in self.days and (day.weekday() + 1) % 7 in self.weekdays:
                yield day
                day += timedelta(days=1)
            else:
                day += timedelta(days=1)
            if day.year > start.year + 40 or day.year >= LAST_YEAR:  # 28 years hold every weekday of every date
                return


def _first_of_next_month(day: datetime) -> datetime:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def read_crontab(text: str) -> Crontab:
    """Read an expression of six fields, or of five without seconds.

    Raises:
        AppError: it has another number of fields, or a field cannot be read; the message says which and why.
    """
    words = [word for word in text.split(" ") if word]
    if len(words) not in (5, 6):
        raise AppError(f"{text!r} has {len(words)} fields; NCRONTAB has six (seconds first), or five, between spaces")
    texts = words if len(words) == 6 else ["0", *words]
    values = [_values(word, field) for word, field in zip(texts, _FIELDS, strict=True)]
    seconds, minutes, hours, days, months, weekdays = values
    return Crontab(
        tuple(sorted(seconds)),
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        frozenset(days),
        frozenset(months),
        frozenset(weekdays),
        has_seconds=len(words) == 6,
    )


def _values(text: str, field: _Field) -> set[int]:
    if text.find(",") > 0:
        return {value for part in text.split(",") for value in _values(part, field)}
    base, slash, step = text.partition("/") if text.find("/") > 0 else (text, "", "")
    every = max(_number(step, field), 1) if slash else 1
    if base == "*":
        return set(range(field.least, field.most + 1, every))
    first, dash, last = base.partition("-") if base.find("-") > 0 else (base, "", "")
    low = _value(first, field)
    high = _value(last, field) if dash else field.most if slash else low
    if low > high:
        low, high = high, low
    for value in (low, high):
        if not field.least <= value <= field.most:
            raise AppError(f"{value} is not a value of {field.name}: it must be {field.least} to {field.most}")
    return set(range(low, high + 1, every))


def _value(text: str, field: _Field) -> int:
    if "0" <= text[:1] <= "9":
        return _number(text, field)
    for place, word in enumerate(field.words):
        if text and word.lower().startswith(text.lower()):
            return place + field.least
    names = f", or the beginning of {', '.join(field.words)}" if field.words else ""
    raise AppError(f"{text!r} is not a value of {field.name}: write {field.least} to {field.most}{names}")


def _number(text: str, field: _Field) -> int:
    found = _NUMBER.fullmatch(text)
    if not found or abs(int(found[1])) > _LARGEST:
        raise AppError(f"{text!r} is not a number (in {field.name})")
    return int(found[1])
