"""Times on a screen: all of them in one zone, which the screen names; with the date where it is not today."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count

from ebb.core.wording import duration


@dataclass(frozen=True)
class Times:
    """How one screen writes moments, which come as RFC 3339 text; None or an empty text is `-`."""

    zone: tzinfo | None = None  # None: the zone of this machine
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """The zone, as the screen's headings name it: `UTC`, `CET`, `+03`."""
        return self._local(self.now).tzname() or "local time"

    def clock(self, text: str | None) -> str:
        """`14:05:12`; `Nov 25 14:05:12` on another day, `2025-11-25 14:05` in another year."""
        if not text:
            return "-"
        moment, today = self._local(datetime.fromisoformat(text)), self._local(self.now)
        if moment.date() == today.date():
            return f"{moment:%H:%M:%S}"
        return f"{moment:%b %d %H:%M:%S}" if moment.year == today.year else f"{moment:%Y-%m-%d %H:%M}"

    def full(self, text: str | None) -> str:
        """Date, time and zone: `2026-11-25 14:05:12 CET`."""
        if not text:
            return "-"
        moment = self._local(datetime.fromisoformat(text))
        return f"{moment:%Y-%m-%d %H:%M:%S} {moment.tzname() or ''}".rstrip()

    def relative(self, text: str | None) -> str:
        """As a person would say it from here: `in 12 s`, `3 min ago`, `now`."""
        if not text:
            return "-"
        seconds = -self.seconds_since(text)
        size = abs(seconds)
        if size < 1:
            return "now"
        said = duration(round(size)) if size < 120 else duration(round(size / 60) * 60)
        return f"in {said}" if seconds > 0 else f"{said} ago"

    def since(self, text: str | None) -> str:
        """How long ago it was: `33 s`, `5 min 10 s`; `-` where nobody knows."""
        return duration(max(round(self.seconds_since(text)), 0)) if text else "-"

    def seconds_since(self, text: str) -> float:
        """How long ago it was; negative for a time to come."""
        return (self.now - datetime.fromisoformat(text)).total_seconds()

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)


def times_of(utc: bool) -> Times:
    """How a command writes times: in UTC where that is asked for, otherwise in the zone of this machine."""
    return Times(UTC if utc else None)


def took(started_at: str | None, ended_at: str | None) -> str:
    """How long something took, by its times in RFC 3339; `-` where it has not ended."""
    if not started_at or not ended_at:
        return "-"
    began, ended = datetime.fromisoformat(started_at), datetime.fromisoformat(ended_at)
    return duration(round(max((ended - began).total_seconds(), 0.0), 1))


def moment_of(text: str, now: datetime) -> str:
    """The moment that an operator wrote, as RFC 3339: a time with its offset, or a duration from `now` on.

    Raises:
        ValueError: it is neither.
    """
    from ebb.core.clock import parse_rfc3339, rfc3339  # late: only `pause` has a use for them
    from ebb.core.settings.durations import parse_seconds

    try:
        return rfc3339(parse_rfc3339(text))
    except ValueError:
        pass
    try:
        seconds = float(str(parse_seconds(text)))
    except ValueError:
        raise ValueError(f"{text!r} is not a time: write 2026-01-31T12:00:00Z, or a duration such as 30m") from None
    return rfc3339(now + timedelta(seconds=seconds))


@dataclass(frozen=True)
class Asked:
    """The moment that a question is about."""

    at: str  # RFC 3339, in the zone of the screen
    note: str | None = None  # where it is not quite what was written


def past_moment(text: str, times: Times) -> Asked:
    """The moment that a question is about.

    `10:00` is the last time that clocks showed it, `2026-01-31 10:00` that one, `30m` so long ago. A bare number is
    refused: 10 is ten o'clock to some, and ten seconds to others. A time that clocks skipped when summer time began is
    the moment at which they did: there a cron expression has its tick.

    Raises:
        ValueError: it is none of these.
    """
    from ebb.core.settings.durations import parse_seconds  # late: only `why` has a use for it

    today = times.now.astimezone(times.zone)
    try:
        if text.isdigit():
            raise ValueError
        if match := re.fullmatch(r"(\d{1,2}):(\d\d)(?::(\d\d))?", text):
            hour, minute, second = (int(each or 0) for each in match.groups())
            asked = today.replace(tzinfo=None, hour=hour, minute=minute, second=second, microsecond=0)
            return _asked(asked if _here(asked, times) <= today else asked - timedelta(days=1), times)
        if "-" in text and ":" in text:
            found = datetime.fromisoformat(text)
            return Asked(found.isoformat()) if found.tzinfo else _asked(found, times)
        return Asked((today - timedelta(seconds=float(str(parse_seconds(text))))).isoformat())
    except (ValueError, OverflowError):
        way = "write 10:00, '2026-01-31 10:00', 2026-01-31T10:00:00Z, or how long ago, such as 30m"
        raise ValueError(f"{text!r} is not a time: {way}") from None


def _asked(clock: datetime, times: Times) -> Asked:
    """What clocks of the screen's zone show, as a moment; where they skipped it, the one at which they did."""
    found = _here(clock, times)
    back = found.astimezone(UTC).astimezone(times.zone)
    if back.replace(tzinfo=None) == clock:
        return Asked(found.isoformat())
    before = _here(clock.replace(fold=1, second=0, microsecond=0), times).astimezone(UTC)  # read with summer's offset
    minutes = ((before + timedelta(minutes=n)).astimezone(times.zone) for n in count())
    after = next(each for each in minutes if each.utcoffset() == back.utcoffset())
    note = f"there was no {clock:%H:%M} on {clock:%Y-%m-%d} here: the clocks went forward, to {after:%H:%M}"
    return Asked(after.isoformat(), note)


def _here(clock: datetime, times: Times) -> datetime:
    """What clocks of the screen's zone show, as a time."""
    return clock.replace(tzinfo=times.zone).astimezone(times.zone)
