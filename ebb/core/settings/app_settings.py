"""App settings as the Functions host looks them up: case, `__` and `:`, prefixes of connections, `%NAME%`. No I/O.

The host reads settings through .NET's configuration: names match without regard to case, and `__` in an environment
variable means `:`, a step down. Sources: .NET's provider for environment variables
(https://learn.microsoft.com/dotnet/core/extensions/configuration-providers#environment-variable-configuration-provider)
and the WebJobs SDK's look-up of connections (azure-webjobs-sdk, IConfigurationExtensions.GetWebJobsConnectionSection).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "AzureWebJobs"
HOST_STORAGE = "AzureWebJobsStorage"  # the account of the host and of Ebb's own tables
# What App Service puts before the names of its connection strings; .NET files them all under ConnectionStrings.
_TYPED = ("CUSTOMCONNSTR_", "SQLAZURECONNSTR_", "SQLCONNSTR_", "MYSQLCONNSTR_")
_PLACEHOLDER = re.compile(r"%([^%\s]+)%")


@dataclass(frozen=True)
class Section:
    """A setting, or several with a common prefix (`Work__queueServiceUri`, `Work__credential`), or both."""

    name: str  # the setting's name, or the common prefix, as it is written where it is set
    value: str | None = field(default=None, repr=False)  # the value of the setting itself; it may be a secret
    parts: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # names in lower case


def find_setting(name: str, settings: Mapping[str, str]) -> tuple[str, str] | None:
    """Name (as written) and value of setting `name`; None where it is not set or blank. An exact match goes first."""
    if settings.get(name, "").strip():
        return name, settings[name].strip()
    wanted = _path(name)
    found = ((key, value.strip()) for key, value in settings.items() if _path(key) == wanted)
    return next((setting for setting in found if setting[1]), None)


def find_section(name: str, settings: Mapping[str, str]) -> Section | None:
    """The setting `name` with everything below it; None where nothing of it is set. Blank values count as not set."""
    found = find_setting(name, settings)
    prefix = f"{_path(name)}:"
    below = {key: value.strip() for key, value in settings.items() if _path(key).startswith(prefix) and value.strip()}
    if found is None and not below:
        return None
    written = found[0] if found else _first_steps(next(iter(below)), _path(name).count(":") + 1)
    parts = {_path(key).removeprefix(prefix): value for key, value in below.items()}
    return Section(written, found[1] if found else None, parts)


def find_connection_section(name: str, settings: Mapping[str, str]) -> Section | None:
    """Connection `name` as the host finds it: with the prefix `AzureWebJobs` first, in `ConnectionStrings` first."""
    # Each place ends in the name: most settings need no second look, and those of the process decode at each.
    wanted = _path(name)
    settings = {key: value for key, value in dict(settings).items() if wanted in _path(key)}
    paths = {_path(key) for key in settings}
    for candidate in (f"{PREFIX}{name}", name):
        places = (f"ConnectionStrings:{candidate}", *(f"{typed}{candidate}" for typed in _TYPED), candidate)
        for place in places:
            path = _path(place)
            if path not in paths and not any(each.startswith(f"{path}:") for each in paths):
                continue
            section = find_section(place, settings)
            if section is not None:
                return section
    return None


def resolve_placeholders(text: str, settings: Mapping[str, str]) -> str:
    """`text` with each `%NAME%` replaced by app setting NAME; one that is not set stays as it is."""

    def value(match: re.Match[str]) -> str:
        found = find_setting(match[1], settings)
        return found[1] if found else match[0]

    return _PLACEHOLDER.sub(value, text)


def placeholders(text: str) -> list[str]:
    """The names that stand as `%NAME%` in `text`."""
    return _PLACEHOLDER.findall(text)


def _first_steps(key: str, count: int) -> str:
    pieces = re.split(r"(__|:)", key)  # steps and what separates them, in turn
    return "".join(pieces[: 2 * count - 1])


def _path(name: str) -> str:
    return name.replace("__", ":").lower()
