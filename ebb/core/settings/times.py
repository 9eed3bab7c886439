"""The settings that speak of clocks and calendars: cron, time zone, windows, and when a schedule ends."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ebb.core.calendar.cron import check_cron
from ebb.core.calendar.windows import DAY_NAMES, Window, parse_days, parse_minutes
from ebb.core.settings.durations import DAY_SECONDS, Seconds
from ebb.core.settings.faults import RuleError
from ebb.core.settings.source_settings import SettingsModel


@lru_cache(maxsize=256)
def _checked_cron(expression: str) -> str:
    check_cron(expression)
    return expression


@lru_cache(maxsize=256)
def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not an IANA time zone; write it as Europe/Berlin, or UTC") from error
    return name


Cron = Annotated[str, AfterValidator(_checked_cron)]
TimeZone = Annotated[str, Field(min_length=1), AfterValidator(_checked_zone)]


def _time_of_day(value: object) -> str:
    text = value if isinstance(value, str) else ""  # a number would be hours to some, and minutes to others
    parse_minutes(text)
    return text


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class WindowSettings(SettingsModel):
    """Hours on days of the week."""

    days: Annotated[tuple[str, ...], BeforeValidator(parse_days), Field(min_length=1)] = Field(
        DAY_NAMES, description="mon-fri, [sat, sun], daily"
    )
    start: TimeOfDay = Field(description="'08:00': the first minute that is inside")
    end: TimeOfDay = Field(description="'18:00': the first minute that is outside; not after start: on the next day")

    @model_validator(mode="after")
    def _opens(self) -> WindowSettings:
        if parse_minutes(self.start) == parse_minutes(self.end):
            raise RuleError("end", self.end, f"must differ from start ({self.start}), or the window never opens")
        if self.start == "24:00":
            raise RuleError("start", self.start, "must be before '24:00', or the window never opens")
        return self

    @property
    def window(self) -> Window:
        """These hours, for reckoning."""
        days = frozenset(DAY_NAMES.index(day) for day in self.days)
        return Window(days, parse_minutes(self.start), parse_minutes(self.end))


class EndAfterSettings(SettingsModel):
    """When a schedule ends by itself: whichever comes first."""

    cycles: int | None = Field(None, ge=1, description="cycles that ran executions")
    time: Seconds | None = Field(None, ge=1, le=DAY_SECONDS * 3660, description="seconds since the schedule started")

    @model_validator(mode="after")
    def _ends(self) -> EndAfterSettings:
        if self.cycles is None and self.time is None:
            raise RuleError("cycles", None, "this or time must be given")
        return self


def _end_after(value: object) -> object:
    """`12 cycles`, a duration, or a mapping of both."""
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s+cycles?\s*", value)):
        return {"cycles": int(match[1])}
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return {"time": value}
    if isinstance(value, dict) and any(isinstance(part, bool) for part in cast("dict[str, Any]", value).values()):
        raise ValueError("must hold numbers, not true or false")
    return cast("Any", value)


EndAfter = Annotated[EndAfterSettings, BeforeValidator(_end_after)]
