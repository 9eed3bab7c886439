"""App settings as the Functions host looks them up: names without regard to case, `__` for `:`, connections by prefix.

Sources: .NET's configuration provider for environment variables, and WebJobsConfigurationExtensions.cs of
azure-sdk-for-net (GetWebJobsConnectionStringSection).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from devhost.errors import SettingsError

_PREFIX = "AzureWebJobs"
_TYPED = ("CUSTOMCONNSTR_", "SQLAZURECONNSTR_", "SQLCONNSTR_", "MYSQLCONNSTR_")
"""What App Service puts before the names of its connection strings."""


@dataclass(frozen=True)
class Connection:
    """What is set of one connection: a connection string, or parts such as `accountName` (in lower case)."""

    name: str
    text: str | None = field(default=None, repr=False)
    parts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def find_setting(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the value of app setting `name`, an exact match first; None where it is not set."""
    if name in environment:
        return environment[name]
    wanted = _path(name)
    return next((value for key, value in environment.items() if _path(key) == wanted), None)


def resolve_setting(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `%NAME%` in `text` by that app setting.

    Raises:
        SettingsError: there is no such app setting.
    """

    def value(match: re.Match[str]) -> str:
        found = find_setting(match[1], environment)
        if found is None:
            raise SettingsError(
                f"app setting {match[1]!r}, named in {text!r}, is not set; add it to local.settings.json"
            )
        return found

    return re.sub(r"%([^%]+)%", value, text)


def find_connection(name: str, environment: Mapping[str, str]) -> Connection | None:
    """Find connection `name`: with the prefix `AzureWebJobs` first, among the connection strings first.

    Blank values count as not set.
    """
    values = {_path(key): value.strip() for key, value in environment.items() if value.strip()}
    for candidate in (f"{_PREFIX}{name}", name):
        for place in (f"ConnectionStrings:{candidate}", *(f"{typed}{candidate}" for typed in _TYPED), candidate):
            path = _path(place)
            parts = {key[len(path) + 1 :]: value for key, value in values.items() if key.startswith(f"{path}:")}
            if path in values or parts:
                return Connection(place, values.get(path), parts)
    return None


def _path(name: str) -> str:
    return name.replace("__", ":").lower()
