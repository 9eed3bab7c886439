"""The grammar of NCrontab, which Azure Functions uses for timers: six fields, from expression to sets of numbers.

A field is a list of `*`, a value, `a-b`, each with `/step` if wanted; a value with a step runs to the field's end.
Names of months and days may be cut short (`j` is January, `su` is Sunday); a range given backwards is turned round.
There is no L, W, # or ?, and no 7 for Sunday; only spaces separate fields. Source:
https://github.com/atifaziz/NCrontab, CrontabSchedule.cs, CrontabField.cs and CrontabFieldImpl.cs.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass

_NUMBER = re.compile(r"[\t-\r]*([+-]?[0-9]+)[\t-\r]*")  # as int.Parse takes it, where no space can be
_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_SUNDAY_FIRST = (calendar.day_name[6], *list(calendar.day_name)[:6])
FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, tuple(calendar.month_name)[1:]),
    _Field("day of week", 0, 6, _SUNDAY_FIRST),
)


SixFields = tuple[tuple[int, ...], ...]


def parse_six_fields(expression: str) -> SixFields:
    """The numbers of second, minute, hour, day of month, month and day of week (0 is Sunday), each in order.

    Raises:
        ValueError: says which field is wrong and how.
    """
    texts = [text for text in expression.split(" ") if text]
    if len(texts) != len(FIELDS):
        raise ValueError(f"has {len(texts)} fields between spaces, not six: second minute hour day month weekday")
    return tuple(tuple(sorted(_numbers(text, field))) for text, field in zip(texts, FIELDS, strict=True))


def _numbers(text: str, field: _Field) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        found |= set(_range(part, field))
    return found


def _range(part: str, field: _Field) -> range:
    body, slash, step_text = part.partition("/")
    step = max(1, _step(step_text, field)) if slash else 1
    if body == "*":
        return range(field.lowest, field.highest + 1, step)
    first_text, dash, last_text = body.partition("-")
    first = _value(first_text, field)
    if dash:
        first, last = sorted((first, _value(last_text, field)))
    else:
        last = field.highest if slash else first
    return range(first, last + 1, step)


def _step(text: str, field: _Field) -> int:
    step = _int32(text)
    if step is None:
        raise ValueError(f"has {text!r} for a step of the {field.name}: it must be a number")
    return step


def _int32(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match and abs(int(match[1])) <= _LARGEST else None


def _value(text: str, field: _Field) -> int:
    if "0" <= text[:1] <= "9":
        found = _int32(text)
    else:
        found = next(
            (at for at, name in enumerate(field.names) if text and name.lower().startswith(text.lower())), None
        )
        found = None if found is None else found + field.lowest
    number = -1 if found is None else found
    if not field.lowest <= number <= field.highest:
        names = f" or a name such as {field.names[0][:3]}" if field.names else ""
        wanted = f"a number from {field.lowest} to {field.highest}{names}"
        raise ValueError(f"has {text!r} for the {field.name}: it must be {wanted}")
    return number
