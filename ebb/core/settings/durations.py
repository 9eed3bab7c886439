"""Numbers and durations as settings write them, and as JSON shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError

DAY_SECONDS = 86_400.0

_durations = TypeAdapter(timedelta)


def parse_seconds(value: object) -> object:
    """Read a duration: a number of seconds, `hh:mm:ss`, or ISO 8601 (`PT30S`). Other types go on to be refused.

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
    try:
        if text.count(":") == 1:  # minutes and seconds to one reader, hours and minutes to another
            raise ValueError("must be written hh:mm:ss, with all three parts")
        return _durations.validate_python(text).total_seconds()
    except ValidationError as error:
        raise ValueError("must be a number of seconds, hh:mm:ss, or ISO 8601 such as PT30S") from error


def _shortest(value: float) -> float | int:
    return int(value) if value.is_integer() else value


Number = Annotated[float, Field(allow_inf_nan=False), PlainSerializer(_shortest)]
Seconds = Annotated[Number, BeforeValidator(parse_seconds)]
"""A duration in seconds; written as a number, `hh:mm:ss` or ISO 8601."""
