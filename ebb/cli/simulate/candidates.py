"""The settings to compare: those of a schedule, and changes to them written as `name: setting=value, ...`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

import ebb.sources  # noqa: F401 - settings may name a source
from ebb.cli.simulate.errors import SimulationError
from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import merge_settings
from ebb.core.wording import did_you_mean

BASE_NAME = "as is"


def candidates_of(base: Mapping[str, Any], sets: Sequence[str], withs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings by the name of the candidate: the base with `sets`, and that with the changes of each of `withs`.

    Raises:
        SimulationError: a change cannot be read, or two candidates have one name.
    """
    first = merge_settings(base, _changes(sets, "--set"))
    found = {BASE_NAME: first}
    for text in withs:
        name, colon, changes = text.partition(":")
        name = name.strip() if colon else text.strip()
        if name in found:
            raise SimulationError(f"--with {text!r}: there are two candidates named {name!r}")
        found[name] = merge_settings(first, _changes(_split(changes if colon else text), "--with"))
    return found


def schedule_settings(folder: Path, name: str | None) -> dict[str, Any]:
    """The settings of schedule `name` in the app's `schedules.yaml`, or of its only one.

    Raises:
        SimulationError: no such file or schedule.
        SettingsError: the file is refused.
    """
    path = folder / "schedules.yaml"
    try:
        schedules = load_schedules(path.read_text(encoding="utf-8"), str(path), os.environ)
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"{path} cannot be read ({error}); name the app's folder with --app") from error
    if name is None and len(schedules) == 1:
        name = next(iter(schedules))
    if name is None or name not in schedules:
        near, known = did_you_mean(name or "", schedules), ", ".join(schedules) or "none"
        what = f"schedule {name!r} is not in {path}{near}" if name else f"{path}: name a schedule with --schedule"
        raise SimulationError(f"{what}; known are {known}")
    return schedules.given(name)


def _changes(texts: Sequence[str], option: str) -> dict[str, Any]:
    """Plain data of `setting=value` changes; a value is YAML, a setting inside another is written with a dot."""
    found: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise SimulationError(f"{option} {text!r}: write it as setting=value, for example maxExecutions=3")
        try:
            parsed: Any = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SimulationError(f"{option} {text!r}: {value!r} cannot be read: {error}") from error
        *parents, last = path.strip().split(".")
        place = found
        for parent in parents:
            place = cast("dict[str, Any]", place.setdefault(parent, {}))
        place[last] = parsed
    return found


def _split(text: str) -> list[str]:
    """Parts between commas that are not inside brackets, braces or quotes."""
    parts, depth, quote, current = [], 0, "", ""
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
