"""Active windows: days and hours, in a time zone, outside which nothing runs (as KEDA's cron trigger).

A window opens at its start and has closed at its end, on local clocks. One that ends at or before its start ends on the
next day. When clocks change, a start or end that is skipped is the end of the gap; of a time that comes twice a window
opens at the first and closes at the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
_LOOK_AHEAD_DAYS = 9  # a week, and a day on each side for windows over midnight


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on some days of the week."""

    days: frozenset[int]  # 0 is Monday; the day on which it opens
    start: int  # minutes after midnight, 0 to 1439
    end: int  # minutes after midnight, up to 1440; at or before `start`: on the next day

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """When it opens and closes on `day`, in UTC; None where it does not, or a gap swallows it."""
        if day.weekday() not in self.days:
            return None
        closing = self.end if self.end > self.start else self.end + DAY_MINUTES
        opens, closes = _instant(day, self.start, zone, fold=0), _instant(day, closing, zone, fold=1)
        return (opens, closes) if opens < closes else None


def next_open(windows: Iterable[Window], zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime] | None:
    """The time span that is open at `now`, or the next one: its begin (at most `now` where open) and end, in `zone`.

    Windows that overlap or touch are one span. None where none opens within a week.
    """
    today = now.astimezone(zone).date()
    spans = sorted(
        span
        for window in windows
        for offset in range(-1, _LOOK_AHEAD_DAYS)
        if (span := window.on(today + timedelta(days=offset), zone)) is not None
    )
    found: tuple[datetime, datetime] | None = None
    for opens, closes in spans:
        if found is None:
            found = (opens, closes) if closes > now else None
        elif opens <= found[1]:
            found = found[0], max(found[1], closes)
    return (found[0].astimezone(zone), found[1].astimezone(zone)) if found else None


def parse_days(value: object) -> list[str]:
    """Days of the week: a list of names, or a text such as `mon-fri`, `sat,sun`, `daily`; in the week's order.

    Raises:
        ValueError: names what is not a day.
    """
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        raise ValueError("must be days, such as mon-fri or [sat, sun]")
    found: set[int] = set()
    for text in texts:  # pyright: ignore[reportUnknownVariableType] - plain data from YAML
        found.update(_days(str(text).strip().lower()))  # pyright: ignore[reportUnknownArgumentType] - as above
    return [name for index, name in enumerate(DAY_NAMES) if index in found]


def parse_minutes(text: str) -> int:
    """`08:30` as minutes after midnight; `24:00` is the end of the day.

    Raises:
        ValueError: it is not a time of day.
    """
    hours, colon, minutes = text.partition(":")
    if not (colon and len(minutes) == 2 and f"{hours}{minutes}".isascii() and f"{hours}{minutes}".isdigit()):
        raise ValueError("must be a time of day in quotes, such as '08:30'")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > DAY_MINUTES:
        raise ValueError("must be a time of day from '00:00' to '24:00'")
    return total


def _days(text: str) -> range | list[int]:
    if text in ("daily", "*"):
        return range(7)
    first, dash, last = text.partition("-")
    for name in (first, last) if dash else (first,):
        if name not in DAY_NAMES:
            raise ValueError(
                f"{name!r} is not a day; days are {', '.join(DAY_NAMES)}, ranges such as mon-fri, or daily"
            )
    begin = DAY_NAMES.index(first)
    length = (DAY_NAMES.index(last) - begin) % 7 + 1 if dash else 1
    return [(begin + offset) % 7 for offset in range(length)]


def _instant(day: date, minutes: int, zone: ZoneInfo, fold: int) -> datetime:
    """The UTC time of a local time; in a gap its end, of two equal times the one that `fold` names."""
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - local by intent
    found = local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    before, after = sorted(local.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (0, 1))
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)
