"""local.settings.json, and names without regard to case, as the host reads both."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from devhost.errors import SettingsError
from devhost.host_files import read_object
from devhost.json_objects import Json, is_object, part_of


def lower_keys(value: Any) -> Any:
    """`value` with names in lower case. What names that differ in case alone hold is put together; the last
    one wins.
    """
    if not is_object(value):
        return value
    lowered: Json = {}
    for key, inner in value.items():
        lowered[key.lower()] = _over(lowered.get(key.lower()), lower_keys(inner))
    return lowered


def _over(earlier: Any, later: Any) -> Any:
    if not (is_object(earlier) and is_object(later)):
        return later
    return {**earlier, **{name: _over(earlier.get(name), value) for name, value in later.items()}}


def apply_local_settings(script_root: Path, environment: MutableMapping[str, str]) -> Json:
    """Put `Values` and `ConnectionStrings` of local.settings.json into the environment; what is there already wins.

    Returns the `Host` section, keys in lower case.
    """
    content = _lower_top(read_object(script_root / "local.settings.json"))
    if content.get("isencrypted") is True:
        raise SettingsError(
            "local.settings.json is encrypted; run `func settings decrypt`, or set IsEncrypted to false"
        )
    for name, value in part_of(content, "values").items():
        if value is not None:
            environment.setdefault(name, value if isinstance(value, str) else json.dumps(value))
    for name, value in part_of(content, "connectionstrings").items():
        text = value.get("ConnectionString") if is_object(value) else value
        if text is not None:
            environment.setdefault(f"ConnectionStrings:{name}", str(text))
    return lower_keys(content.get("host") or {})


def _lower_top(content: Json) -> Json:
    return {key.lower(): value for key, value in content.items()}
