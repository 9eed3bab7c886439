"""Changes of settings as a command line writes them: `maxExecutions=5`, `source.queueName=other`, `windows=[...]`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

from ebb.core.errors import SettingsError
from ebb.core.settings.yaml_document import read_value


def changes_of(texts: Sequence[str]) -> dict[str, Any]:
    """The settings that `setting=value` texts change, as plain data; a dot leads to a setting inside another.

    A value means what it means in schedules.yaml, but text needs no quotes: `cron=*/5 * * * *`.

    Raises:
        SettingsError: a text is not of this form, or its value cannot be read.
    """
    found: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        *parents, last = (part.strip() for part in path.split("."))
        if not equals or not all((*parents, last)):
            raise SettingsError(f"{text!r} must be written as setting=value, for example maxExecutions=3")
        place = found
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise SettingsError(f"{text!r}: {parent} has a value of its own here, {inner!r}")
            place = cast("dict[str, Any]", inner)
        place[last] = _value(text, value.strip())
    return found


def split_at_commas(text: str) -> list[str]:
    """Parts between commas that are not inside brackets, braces or quotes."""
    parts, depth, quote, current = list[str](), 0, "", ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += (letter in "[{") - (letter in "]}") if not quote else 0
        if letter == "," and not depth and not quote:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [part.strip() for part in [*parts, current] if part.strip()]


def _value(text: str, value: str) -> Any:
    try:
        parsed = read_value(value)
    except SettingsError as error:
        if value.startswith(("[", "{", "'", '"')):
            raise SettingsError(f"{text!r}: {value!r} cannot be read: {error}") from error
        return value  # such as cron expressions, which YAML takes for something of its own
    if isinstance(parsed, float) and not math.isfinite(parsed):
        return value  # JSON has no such number; the app names the setting that cannot have it
    is_plain = parsed is None or isinstance(parsed, bool | int | float | str)
    return parsed if is_plain or value.startswith(("[", "{")) else value
