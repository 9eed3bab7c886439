"""Time spans as .NET's `TimeSpan.Parse` reads them; the Functions host reads its settings and schedules so.

Source: dotnet/runtime, TimeSpanParse.cs (ProcessTerminalState, TryTimeToTicks, NormalizeAndValidateFraction).
"""

from __future__ import annotations

import re
from datetime import timedelta

from devhost.errors import SettingsError

_NUMBERS = re.compile(r"\s*(-?)([0-9]+(?:(?::\.|[:.])[0-9]+)*)\s*")
_FORMS: dict[str, tuple[str, ...]] = {
    "": ("d",),
    ":": ("hm",),
    ": :": ("hms", "dhm"),
    ". :": ("dhm",),
    ": :.": ("hmf",),
    ": : .": ("hmsf",),
    ": : :": ("dhms",),
    ". : :": ("dhms",),
    ": : :.": ("dhmf",),
    ". : :.": ("dhmf",),
    ": : : .": ("dhmsf",),
    ". : : .": ("dhmsf",),
}
"""What stands between the numbers, and what the numbers then mean, in the order in which .NET tries it."""

_HIGHEST = {"d": 10_675_199, "h": 23, "m": 59, "s": 59}
_TICKS = {"d": 864_000_000_000, "h": 36_000_000_000, "m": 600_000_000, "s": 10_000_000}
_LARGEST_NUMBER = 0x0FFF_FFFF
_FRACTION_DIGITS = 7
_LARGEST = 2**63 - 1  # ticks


def read_time_span(text: str) -> timedelta:
    """Read `[-]{ d | [d.]hh:mm[:ss[.ff]] | d:hh:mm:ss[.ff] | [d.]hh:mm:.ff }`, with blanks around it.

    A span of three numbers is hours, minutes and seconds if it can be, else days, hours and minutes: `24:00:00` is
    24 days. A tick is 100 ns; what is below a microsecond is dropped.

    Raises:
        SettingsError: the text has another form, or a number is out of its range.
    """
    found = _NUMBERS.fullmatch(text)
    for form in _FORMS.get(" ".join(re.findall(r"[:.]+", found[2])), ()) if found else ():
        ticks = _ticks(form, re.findall("[0-9]+", found[2])) if found else None
        if found and ticks is not None and ticks <= _LARGEST + bool(found[1]):
            return timedelta(microseconds=ticks // 10) * (-1 if found[1] else 1)
    raise SettingsError(f"{text!r} is not a time span; write [d.]hh:mm:ss, for example 00:05:00")


def _ticks(form: str, numbers: list[str]) -> int | None:
    """The sum, or None where a number does not fit its place."""
    total = 0
    for part, digits in zip(form, numbers, strict=True):
        number = int(digits)
        ticks = _fraction(digits) if part == "f" else number * _TICKS[part]
        if ticks is None or number > _HIGHEST.get(part, _LARGEST_NUMBER):
            return None
        total += ticks
    return total


def _fraction(digits: str) -> int | None:
    """Ticks of a fraction of a second; more than seven digits are rounded, but only behind a leading zero."""
    if len(digits) <= _FRACTION_DIGITS:
        return int(digits.ljust(_FRACTION_DIGITS, "0"))
    if not digits.startswith("0"):
        return None
    scale = 10 ** (len(digits) - _FRACTION_DIGITS)
    return (2 * int(digits) + scale) // (2 * scale)
