"""When a timer trigger runs: NCRONTAB with seconds, five-field cron, or a time span between runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from devhost.errors import AppError, SettingsError
from devhost.settings import read_time_span, resolve_setting

NextTime = Callable[[datetime], datetime]
"""Given an aware time, the next time to run, later than that."""


def time_zone(environment: Mapping[str, str]) -> tzinfo | None:
    """The zone in which schedules are read: WEBSITE_TIME_ZONE, else None for the machine's own.

    Raises:
        SettingsError: the zone is not known.
    """
    name = environment.get("WEBSITE_TIME_ZONE")
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"time zone {name!r} is not known; use a name such as Europe/Berlin") from error


def parse_schedule(text: str, environment: Mapping[str, str], zone: tzinfo | None) -> NextTime:
    """Read the schedule of a timer trigger; `%SETTING%` is resolved first.

    Raises:
        AppError: the text is neither NCRONTAB nor a time span.
        SettingsError: the named app setting is not set.
    """
    resolved = resolve_setting(text, environment).strip()
    if re.fullmatch(r"[\d.]+:\d\d(:\d\d)?(\.\d+)?", resolved):
        return _every(read_time_span(resolved), text)
    fields = resolved.upper().split()
    if len(fields) not in (5, 6):
        raise AppError(f"timer schedule {text!r} must have five or six fields, or be a time span such as 00:05:00")
    expression = " ".join(_without_question_mark(fields))
    try:
        _times(expression, datetime(2026, 1, 1))  # noqa: DTZ001  (only parsed)
    except CronSimError as error:
        raise AppError(f"timer schedule {text!r} cannot be read: {error}") from error

    def following(moment: datetime) -> datetime:
        return next(_times(expression, moment.astimezone(zone))).astimezone(moment.tzinfo)

    return following


def _times(expression: str, after: datetime) -> CronSim:
    times = CronSim(expression, after)
    # NCRONTAB wants day of month and day of week both to match; the library follows Debian's cron, where one is enough.
    times.day_and = True
    return times


def _without_question_mark(fields: list[str]) -> list[str]:
    return ["*" if field == "?" else field for field in fields]


def _every(span: timedelta, text: str) -> NextTime:
    if span <= timedelta(0):
        raise SettingsError(f"timer schedule {text!r} must be longer than zero")
    return lambda moment: moment + span
