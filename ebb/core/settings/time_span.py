"""Time spans as .NET's `TimeSpan.Parse` reads them, for values that the Functions host reads too.

Forms: `d`, `h:m`, `h:m:s`, `d.h:m`, `d:h:m`, `h:m:s.f`, `d.h:m:s`, `d:h:m:s`, the last two with a fraction, and for old
programs `h:m:.f`; a minus sign may stand in front. Where three numbers are not a time of day, the first one counts
days: `24:00:00` is 24 days.
Source: https://learn.microsoft.com/dotnet/api/system.timespan.parse and dotnet/runtime, TimeSpanParse.cs.
"""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"\s*(-?)(\d+(?:(?::\.|[:.])\d+)*)\s*")
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
    ". : :.": ("dhmf",),
    ": : : .": ("dhmsf",),
    ". : : .": ("dhmsf",),
}
_HIGHEST = {"d": 10_675_199, "h": 23, "m": 59, "s": 59, "f": 9_999_999}
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def parse_time_span(text: str) -> float:
    """Seconds.

    Raises:
        ValueError: the text is not a time span; says what is wrong.
    """
    match = _NUMBERS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time span: write [d.]hh:mm:ss")
    numbers = re.findall(r"\d+", match[2])
    forms = _FORMS.get(" ".join(re.findall(r"[:.]+", match[2])), ())
    for form in forms:
        if all(int(number) <= _HIGHEST[part] for part, number in zip(form, numbers, strict=True)):
            seconds = sum(_value(part, number) for part, number in zip(form, numbers, strict=True))
            return -seconds if match[1] else seconds
    reason = "a number in it is too large" if forms else "its parts are separated otherwise"
    raise ValueError(f"{text!r} is not a time span ({reason}): write [d.]hh:mm:ss")


def _value(part: str, number: str) -> float:
    if part == "f":
        return int(number) / 10 ** len(number)
    return float(int(number) * _SECONDS[part])
