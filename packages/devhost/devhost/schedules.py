"""When a timer trigger runs: NCRONTAB, or a time span between runs, as the timer extension reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devhost.errors import AppError, SettingsError
from devhost.ncrontab import Crontab, read_crontab
from devhost.settings import resolve_setting
from devhost.time_spans import read_time_span
from devhost.windows_zones import WINDOWS_ZONES

log = logging.getLogger("devhost.schedules")

NextTime = Callable[[datetime], datetime]
"""Given an aware time, the next time to run, later than that."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""The answer of a schedule that has no next time, such as 30 February (DateTime.MaxValue in .NET)."""


def time_zone(environment: Mapping[str, str]) -> tzinfo | None:
    """The zone in which schedules are read: WEBSITE_TIME_ZONE, else None for the machine's own.

    It may be a name of Windows, such as `W. Europe Standard Time`, as for an app on Windows. But Python apps run on
    Linux in Azure: there .NET finds no file of such a name and goes on in UTC (dotnet/runtime,
    TimeZoneInfo.Unix.NonAndroid.cs), so that a warning says it.

    Raises:
        SettingsError: the zone is not known.
    """
    name = environment.get("WEBSITE_TIME_ZONE")
    if not name:
        return None
    meant = WINDOWS_ZONES.get(name.lower(), name)
    if meant != name and name != "UTC":
        log.warning(
            "WEBSITE_TIME_ZONE is %r, a name of Windows: on Linux Azure does not know it and runs timers in UTC; "
            "write %s",
            name,
            meant,
        )
    try:
        return ZoneInfo(meant)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(f"time zone {name!r} is not known; use a name such as Europe/Berlin") from error


def parse_schedule(text: str, environment: Mapping[str, str], zone: tzinfo | None) -> NextTime:
    """Read the schedule of a timer trigger; `%SETTING%` is resolved first.

    Raises:
        AppError: the text is neither NCRONTAB nor a time span.
        SettingsError: the named app setting is not set.
    """
    resolved = resolve_setting(text, environment).strip()
    if len(resolved.split()) > 1:
        try:
            return _by_crontab(read_crontab(resolved), zone)
        except AppError as error:
            raise AppError(f"timer schedule {text!r} cannot be read: {error}") from error
    try:
        span = read_time_span(resolved)
    except SettingsError as error:
        raise AppError(
            f"timer schedule {text!r} must have five or six fields, or be a time span such as 00:05:00: {error}"
        ) from error
    return _every(span, text)


def _by_crontab(crontab: Crontab, zone: tzinfo | None) -> NextTime:
    def following(moment: datetime) -> datetime:
        if moment >= NEVER:
            return NEVER
        local = moment.astimezone(zone)
        found = crontab.after(local.replace(tzinfo=None))
        while found is not None:
            aware = found.replace(tzinfo=zone) if zone is not None else found.astimezone()
            # A time that the clock jumps over does not exist; one that comes twice runs once.
            told = aware.astimezone(UTC)
            if told > moment and told.astimezone(zone).replace(tzinfo=None) == found:
                return told.astimezone(moment.tzinfo)
            found = crontab.after(found)
        return NEVER

    return following


def _every(span: timedelta, text: str) -> NextTime:
    if span <= timedelta(0):
        raise SettingsError(f"timer schedule {text!r} must be longer than zero")
    return lambda moment: moment + span
