"""When a timer trigger runs: NCRONTAB, or a time span between runs, as the timer extension reads them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from devhost.app_settings import resolve_setting
from devhost.errors import AppError, SettingsError
from devhost.ncrontab import Crontab, read_crontab
from devhost.time_spans import read_time_span
from devhost.windows_zones import WINDOWS_ZONES

log = logging.getLogger("devhost.schedules")


class Schedule(Protocol):
    """When a timer runs."""

    @property
    def is_frequent(self) -> bool:
        """Whether it runs more often than each minute; the host then remembers nothing of it."""
        ...

    def __call__(self, moment: datetime) -> datetime:
        """The next time to run after `moment`, an aware time."""
        ...


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


def parse_schedule(text: str, environment: Mapping[str, str], zone: tzinfo | None) -> Schedule:
    """Read the schedule of a timer trigger; `%SETTING%` is resolved first.

    Raises:
        AppError: the text is neither NCRONTAB nor a time span.
        SettingsError: the named app setting is not set.
    """
    resolved = resolve_setting(text, environment)
    if len(resolved.split()) > 1:
        try:
            return _ByCrontab(read_crontab(resolved), zone)
        except AppError as error:
            raise AppError(f"timer schedule {text!r} cannot be read: {error}") from error
    try:
        span = read_time_span(resolved)
    except SettingsError as error:
        raise AppError(
            f"timer schedule {text!r} must have five or six fields, or be a time span such as 00:05:00: {error}"
        ) from error
    if span <= timedelta(0):
        raise SettingsError(f"timer schedule {text!r} must be longer than zero")
    return _Constant(span)


@dataclass(frozen=True)
class _Constant:
    """A time span after the last time, whatever clocks do."""

    span: timedelta

    @property
    def is_frequent(self) -> bool:
        return self.span < timedelta(minutes=1)

    def __call__(self, moment: datetime) -> datetime:
        return moment + self.span


@dataclass(frozen=True)
class _ByCrontab:
    """NCRONTAB on the clock of `zone`; None is the machine's own.

    After CronSchedule of the timer extension: a time that the clock jumps over comes as much later as it jumps. Of a
    time that comes twice an interval has both, another schedule the first; it is left out where the clock of now is
    already that of the second.
    """

    crontab: Crontab
    zone: tzinfo | None

    @property
    def is_frequent(self) -> bool:
        return self.crontab.is_frequent

    def __call__(self, moment: datetime) -> datetime:
        if moment >= NEVER:
            return NEVER
        now, is_interval = _moved(moment, self.zone), self.crontab.is_interval
        following = self._after(now.replace(tzinfo=None, fold=0))
        back = _offset(now) - _offset(following)
        if back and (_comes_twice(following) or (is_interval and _comes_twice(now))):
            return _moved(following.astimezone(UTC) - back, moment.tzinfo)
        while not is_interval and _comes_twice(following):
            following = self._after(following.replace(tzinfo=None, fold=0))
        return NEVER if following >= NEVER else _moved(following, moment.tzinfo)

    def _after(self, local: datetime) -> datetime:
        """The next time on the clock: of two equal ones the second, in a gap by the offset before it, as in .NET."""
        found = self.crontab.after(local)
        if found is None:
            return NEVER
        first, second = self._aware(found, 0), self._aware(found, 1)
        return second if _offset(second) < _offset(first) else first

    def _aware(self, local: datetime, fold: int) -> datetime:
        local = local.replace(fold=fold)
        return local.astimezone() if self.zone is None else local.replace(tzinfo=self.zone)


def _moved(moment: datetime, zone: tzinfo | None) -> datetime:
    """The same moment on the clock of `zone`; by way of UTC, since a time in a gap would stay as it is."""
    return moment.astimezone(UTC).astimezone(zone)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)


def _comes_twice(moment: datetime) -> bool:
    return _offset(moment.replace(fold=0)) > _offset(moment.replace(fold=1))
