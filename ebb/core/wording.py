"""How numbers and times are said in reasons: the same input always gives the same words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime


def duration(seconds: float) -> str:
    """Seconds as a person would say them: `45 s`, `2 min`, `1 h 30 min`, `3 days`."""
    if seconds < 120:
        return f"{seconds:g} s" if seconds == round(seconds, 1) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def counted(number: float, noun: str) -> str:
    """`1 message`, `37 messages`, `2.5 messages`."""
    return f"{plain(number)} {noun}" if number == 1 else f"{plain(number)} {noun}s"


def plain(number: float) -> str:
    """A number without an exponent and without needless digits: `37`, `1200000`, `0.5`."""
    return str(int(number)) if number == int(number) else f"{number:.3f}".rstrip("0").rstrip(".")


def tally(number: int, at_least: bool) -> str:
    """A count in a table: `37`; `≥37` where it is a lower bound, because a run ended without a word."""
    return f"≥{number}" if at_least else str(number)


def clipped(text: str, longest: int) -> str:
    """`text` in at most `longest` characters; an ellipsis says that there was more."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def local_time(moment: datetime) -> str:
    """`moment` in its own time zone: `Mon 2026-03-30 08:00 Europe/Berlin`; seconds only where there are some."""
    zone = getattr(moment.tzinfo, "key", None) or moment.tzname()
    form = "%a %Y-%m-%d %H:%M:%S" if moment.second or moment.microsecond else "%a %Y-%m-%d %H:%M"
    return f"{moment.strftime(form)} {zone}"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """` (did you mean "parity"?)` where one of `known` is near `given`, in any case of letters; otherwise nothing."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=0.6)
    return f' (did you mean "{by_lower[near[0]]}"?)' if near else ""
