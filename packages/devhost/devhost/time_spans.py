"""Time spans as .NET's `TimeSpan.Parse` reads them; the Functions host reads its settings and schedules so."""

from __future__ import annotations

import re
from datetime import timedelta

from devhost.errors import SettingsError

_DAYS = re.compile(r"(-?)(\d{1,8})")
_SPAN = re.compile(r"(-?)(?:(\d{1,8})([.:]))?(\d{1,8}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")
LARGEST_DAYS = 10675199
"""Days of TimeSpan.MaxValue."""


def read_time_span(text: str) -> timedelta:
    """Read `[-]{ d | [d.]hh:mm[:ss[.ff]] | d:hh:mm:ss[.ff] }`, with blanks around it.

    A span of three numbers is hours, minutes and seconds if it can be, else days, hours and minutes: `24:00:00` is
    24 days (TimeSpanParse.ProcessTerminal_HM_S_D).

    Raises:
        SettingsError: the text has another form, or a number is out of its range.
    """
    stripped = text.strip()
    found = _DAYS.fullmatch(stripped)
    parts = (int(found[2]), 0, 0, 0) if found else _parts(stripped)
    if parts is None or parts[0] > LARGEST_DAYS:
        raise SettingsError(f"{text!r} is not a time span; write [d.]hh:mm:ss, for example 00:05:00")
    days, hours, minutes, seconds = parts
    fraction = (_SPAN.fullmatch(stripped) or ("",) * 8)[7] or "0"
    span = timedelta(days, seconds, int(fraction.ljust(6, "0")[:6]), 0, minutes, hours)
    return -span if stripped.startswith("-") else span


def _parts(text: str) -> tuple[int, int, int, int] | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    _, days, mark, hours, minutes, seconds, fraction = found.groups()
    if mark == ":" and seconds is None:  # three numbers, the first of which was taken for days
        days, hours, minutes, seconds = None, days, hours, minutes
    whole = (int(days or 0), int(hours), int(minutes), int(seconds or 0))
    if whole[1] <= 23 and whole[2] <= 59 and whole[3] <= 59:
        return whole
    as_days = (whole[1], whole[2], whole[3], 0)
    is_day_form = days is None and seconds is not None and fraction is None
    return as_days if is_day_form and as_days[1] <= 23 and as_days[2] <= 59 else None
