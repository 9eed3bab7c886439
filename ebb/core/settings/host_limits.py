"""Limits of the Functions host that settings must respect, read from `host.json` as the host reads it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from ebb.core.errors import SettingsError
from ebb.core.settings.host_files import host_value, parse_host_file
from ebb.core.settings.time_span import parse_time_span

DEFAULT_FUNCTION_TIMEOUT = 1800.0  # seconds; https://learn.microsoft.com/azure/azure-functions/functions-host-json
_NO_LIMIT = -86_400.0  # `-1` is a time span of minus one day (ScriptJobHostOptionsSetup.cs of azure-functions-host)
_SHORTEST = 1.0


def function_timeout(host_json: str, environment: Mapping[str, str]) -> float | None:
    """Seconds after which the host ends a function; None when it never does (`-1`).

    Args:
        host_json: content of `host.json`.
        environment: app settings; `AzureFunctionsJobHost__functionTimeout` goes over the file.

    Raises:
        SettingsError: the file is not a JSON object, or the value is not a time span.
    """
    value = host_value(parse_host_file(host_json, "host.json"), "functionTimeout", environment)
    if value is None or value == "":
        return DEFAULT_FUNCTION_TIMEOUT
    try:
        seconds = parse_time_span(str(value))
    except ValueError as error:
        raise SettingsError(f"functionTimeout of host.json: {error}, or -1 for no limit") from error
    if seconds == _NO_LIMIT:
        return None
    if seconds < _SHORTEST:
        raise SettingsError(f"functionTimeout of host.json: {value!r} must be a second or more, or -1 for no limit")
    return seconds
