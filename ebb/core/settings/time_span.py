"""Time spans as .NET's `TimeSpan.Parse` reads them, for values that the Functions host reads too.

Forms: `d`, `h:m`, `h:m:s`, `d.h:m`, `d:h:m`, `h:m:s.f`, `d.h:m:s`, `d:h:m:s`, the last two with a fraction, and for old
programs `h:m:.f` and `d.h:m:.f`; a minus sign may stand in front. Where three numbers are not a time of day, the first
one counts days: `24:00:00` is 24 days.
Source: https://learn.microsoft.com/dotnet/api/system.timespan.parse and dotnet/runtime, TimeSpanParse.cs.
"""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"\s*(-?)([0-9]+(?:(?::\.|[:.])[0-9]+)*)\s*")
# separators -> what the numbers mean, in the order in which .NET tries them
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
_HIGHEST = {"d": 10_675_199, "h": 23, "m": 59, "s": 59, "f": 0x0FFF_FFFF}
_TICKS = {"d": 864_000_000_000, "h": 36_000_000_000, "m": 600_000_000, "s": 10_000_000}  # of 100 ns
_FRACTION_DIGITS = 7
_LARGEST = 2**63 - 1


def parse_time_span(text: str) -> float:
    """Seconds.

    Raises:
        ValueError: the text is not a time span; says what is wrong.
    """
    match = _NUMBERS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time span: write [d.]hh:mm:ss")
    numbers = re.findall("[0-9]+", match[2])
    forms = _FORMS.get(" ".join(re.findall(r"[:.]+", match[2])), ())
    for form in forms:
        ticks = [_ticks(part, number) for part, number in zip(form, numbers, strict=True)]
        if None not in ticks and sum(filter(None, ticks)) <= _LARGEST + bool(match[1]):
            seconds = sum(filter(None, ticks)) / _TICKS["s"]
            return -seconds if match[1] else seconds
    reason = "a number in it is too large" if forms else "its parts are separated otherwise"
    raise ValueError(f"{text!r} is not a time span ({reason}): write [d.]hh:mm:ss")


def _ticks(part: str, number: str) -> int | None:
    """None where the number does not fit its place."""
    if int(number) > _HIGHEST[part]:
        return None
    return _fraction(number) if part == "f" else int(number) * _TICKS[part]


def _fraction(digits: str) -> int | None:
    """More than seven digits are rounded, but .NET takes them behind a leading zero only."""
    if len(digits) <= _FRACTION_DIGITS:
        return int(digits.ljust(_FRACTION_DIGITS, "0"))
    if not digits.startswith("0"):
        return None
    scale = 10 ** (len(digits) - _FRACTION_DIGITS)
    return (2 * int(digits) + scale) // (2 * scale)
