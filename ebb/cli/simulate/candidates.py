"""The settings to compare: those of a schedule, and changes to them written as `name: setting=value, ...`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ebb.cli.app_folder import schedules_of
from ebb.cli.assignments import changes_of, split_at_commas
from ebb.cli.simulate.errors import SimulationError
from ebb.core.errors import SettingsError
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
        found[name] = merge_settings(first, _changes(split_at_commas(changes if colon else text), "--with"))
    return found


def schedule_settings(folder: Path, name: str | None) -> dict[str, Any]:
    """The settings of schedule `name` of the app in `folder`, or of its only one.

    Raises:
        SimulationError: there is no such schedule.
        SettingsError: the settings are refused, or there are none.
    """
    schedules = schedules_of(folder, os.environ)
    if name is None and len(schedules) == 1:
        name = next(iter(schedules))
    if name is None or name not in schedules:
        path = folder / "schedules.yaml"
        near, known = did_you_mean(name or "", schedules), ", ".join(schedules) or "none"
        what = f"schedule {name!r} is not in {path}{near}" if name else f"{path}: name a schedule with --schedule"
        raise SimulationError(f"{what}; known are {known}")
    return schedules.given(name)


def _changes(texts: Sequence[str], option: str) -> dict[str, Any]:
    try:
        return changes_of(texts)
    except SettingsError as error:
        raise SimulationError(f"{option} {error}") from error
