"""Settings that no request changes: they stand in `schedules.yaml` and app settings alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ebb.core.errors import FieldError, SettingsError

FILE_ALONE = {  # and why
    "after": "who runs after whom is checked as the app starts",
    "budget": "others share it",
}
PROGRAM_SETTINGS = ("command", "commandPer", "commandInput")


def refuse_file_alone(overrides: Mapping[str, Any]) -> None:
    """Nothing, if a request may set all of `overrides`.

    Raises:
        SettingsError: the first one that it may not set.
    """
    if any(overrides.get(key) is not None for key in PROGRAM_SETTINGS):
        fault = FieldError("command", None, "can be set in schedules.yaml alone: a request may not name a program")
        raise SettingsError(str(fault), (fault,))
    for key, why in FILE_ALONE.items():
        if overrides.get(key) is not None:
            fault = FieldError(key, overrides[key], f"can be set in schedules.yaml and app settings alone: {why}")
            raise SettingsError(str(fault), (fault,))
