"""A function app as it lies in a folder: `host.json`, its app settings, and its triggers. Nothing of it is run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ebb.cli.app_folder import app_settings, find_app, read_json
from ebb.cli.scale_rules import function_json, python_source
from ebb.cli.scale_rules.trigger import Trigger

OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
_PLACEHOLDER = re.compile(r"%([^%]+)%")


@dataclass(frozen=True)
class FunctionApp:
    """What the platform would learn of the app at its start."""

    folder: Path
    host: Mapping[str, Any]
    triggers: tuple[Trigger, ...]
    settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def host_value(self, path: str) -> Any:
        """The value at `path` (`extensions.queues.batchSize`) of `host.json`, or None. Names match without regard to
        case, and an app setting `AzureFunctionsJobHost__extensions__queues__batchSize` wins, as in the host itself."""
        wanted = (OVERRIDE_PREFIX + path.replace(".", "__")).lower()
        for name, value in self.settings.items():
            if name.lower() == wanted:
                return _number_if_it_is(value)
        node: Any = self.host
        for part in path.split("."):
            if not isinstance(node, Mapping):
                return None
            node = next((value for key, value in node.items() if key.lower() == part.lower()), None)
        return node

    def is_disabled(self, function: str) -> bool:
        """Whether the app setting `AzureWebJobs.<function>.Disabled` (or with `_` for `.`) switches it off."""
        names = {f"azurewebjobs.{function}.disabled".lower(), f"azurewebjobs_{function}_disabled".lower()}
        return any(name.lower() in names and value.lower() in ("true", "1") for name, value in self.settings.items())

    def resolve(self, text: str) -> str:
        """`text` with each `%NAME%` replaced by app setting NAME where it is known."""
        return _PLACEHOLDER.sub(lambda match: self.settings.get(match[1], match[0]), text)


def read_app(folder: Path, environment: Mapping[str, str] | None = None, with_local: bool = True) -> FunctionApp:
    """The app in `folder`, with app settings from `local.settings.json` and `environment` (which wins).

    Args:
        environment: app settings; this process's environment without it.
        with_local: whether `local.settings.json` counts; it does not for an app that is deployed.

    Raises:
        SettingsError: there is no readable app in the folder.
    """
    folder = find_app(folder)
    host = read_json(folder / "host.json")
    given = os.environ if environment is None else environment
    settings = app_settings(folder, given) if with_local else dict(given)
    triggers = (*function_json.read_triggers(folder), *python_source.read_triggers(folder))
    return FunctionApp(folder, host, triggers, settings)


def _number_if_it_is(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
