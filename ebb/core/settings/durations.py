"""Numbers and durations as settings write them, and as JSON shows them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError

DAY_SECONDS = 86_400.0

_durations = TypeAdapter(timedelta)
_UNITS = {
    "s": 1.0,
    "min": 60.0,
    "m": 60.0,
    "h": 3600.0,
    "d": DAY_SECONDS,
    "day": DAY_SECONDS,
    "days": DAY_SECONDS,
    "w": 7 * DAY_SECONDS,
}
_PART = r"(\d+(?:\.\d+)?)\s*(s|min|m|h|days?|d|w)"
_WITH_UNITS = re.compile(rf"{_PART}(?:\s*{_PART})*", re.IGNORECASE)
EXPECTED = "a number of seconds, a number with a unit (90s, 30m, 1h30m, 7d), hh:mm:ss, or ISO 8601 such as PT30S"


def parse_seconds(value: object) -> object:
    """Read a duration: seconds, units (`30m`, `1h30m`), `hh:mm:ss`, or ISO 8601 (`PT30S`). Other types go on to be
    refused. The same everywhere: settings, command line, simulation.

    Raises:
        ValueError: a text that is none of these.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            return _read(text)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value


def _read(text: str) -> float:
    if _WITH_UNITS.fullmatch(text):
        return sum(float(number) * _UNITS[unit.lower()] for number, unit in re.findall(_PART, text, re.IGNORECASE))
    try:
        if text.count(":") == 1:  # minutes and seconds to one reader, hours and minutes to another
            raise ValueError("must be written hh:mm:ss, with all three parts")
        return _durations.validate_python(text).total_seconds()
    except ValidationError as error:
        raise ValueError(f"must be {EXPECTED}") from error


def _shortest(value: float) -> float | int:
    return int(value) if value.is_integer() else value


Number = Annotated[float, Field(allow_inf_nan=False), PlainSerializer(_shortest)]
Seconds = Annotated[Number, BeforeValidator(parse_seconds)]
"""A duration in seconds; written as a number, `hh:mm:ss` or ISO 8601."""
