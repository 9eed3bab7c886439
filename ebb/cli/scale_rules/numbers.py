"""Numbers of `host.json` and of triggers, checked as the host checks them when it starts.

The host reads every value as text and turns it into a 32-bit number; the extension's options then refuse what is out
of range. Sources: .NET's Int32Converter, and the setters of QueuesOptions, ServiceBusOptions, EventHubOptions and
BlobsOptions (azure-sdk-for-net), of RabbitMQOptions and HttpOptions (azure-webjobs-sdk-extensions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LARGEST = 2**31 - 1
_DECIMAL, _HEXADECIMAL = re.compile(r"[+-]?\d+"), re.compile(r"(?:#|0x|&h)([0-9a-f]+)", re.IGNORECASE)


@dataclass(frozen=True)
class NumberRange:
    """What the host takes."""

    lowest: int = 1
    highest: int = _LARGEST

    def __str__(self) -> str:
        if self.highest == _LARGEST:
            return f"{self.lowest} or more"
        return f"{self.lowest} to {self.highest}"


POSITIVE = NumberRange()


def whole_number(value: object, allowed: NumberRange = POSITIVE) -> int:
    """`value`, a JSON value or text, as the host will have it.

    Raises:
        ValueError: the host does not start with it; says what it wants.
    """
    number = _converted(value)
    if number is None:
        raise ValueError(f"{value!r} is not a whole number")
    if not allowed.lowest <= number <= allowed.highest:
        raise ValueError(f"{number} is not {allowed}")
    return number


def _converted(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if value == int(value) else None
    text = str(value).strip()
    if match := _HEXADECIMAL.fullmatch(text):
        return int(match[1], 16)
    return int(text) if _DECIMAL.fullmatch(text) else None
