"""Limits of the Functions host that settings must respect, read from `host.json` as the host reads it. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from ebb.core.errors import SettingsError

DEFAULT_FUNCTION_TIMEOUT = 1800.0  # seconds; https://learn.microsoft.com/azure/azure-functions/functions-host-json
_OVERRIDE = "AzureFunctionsJobHost__functionTimeout".lower()
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?")


def function_timeout(host_json: str, environment: Mapping[str, str]) -> float | None:
    """Seconds after which the host ends a function; None when it never does (`-1`).

    Args:
        host_json: content of `host.json`.
        environment: app settings; `AzureFunctionsJobHost__functionTimeout` goes over the file.

    Raises:
        SettingsError: the file is no JSON object, or the value is no time span.
    """
    try:
        document: Any = json.loads(host_json.removeprefix("\ufeff"))
    except ValueError as error:
        raise SettingsError(f"host.json is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError("host.json must hold one JSON object")
    given = next((value for name, value in environment.items() if name.lower() == _OVERRIDE), None)
    value = given if given is not None else cast("dict[str, Any]", document).get("functionTimeout")
    if value is None:
        return DEFAULT_FUNCTION_TIMEOUT
    if str(value) in ("-1", "-00:00:01"):
        return None
    match = _TIME_SPAN.fullmatch(str(value))
    if match is None:
        raise SettingsError(f"functionTimeout of host.json: {value!r} must be hh:mm:ss, or -1 for no limit")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
