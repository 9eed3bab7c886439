"""A function app as it lies in a folder: `host.json`, its app settings, and its triggers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ebb.cli.app_folder import app_settings, find_app, read_json
from ebb.cli.scale_rules import function_json, python_source
from ebb.cli.scale_rules.numbers import POSITIVE, NumberRange, whole_number
from ebb.cli.scale_rules.sdk_index import NotIndexedError, index_app
from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import find_setting, resolve_placeholders
from ebb.core.settings.host_files import host_value

DEFAULT_SCRIPT = "function_app.py"
_TRUE = ("true", "1")  # https://learn.microsoft.com/azure/azure-functions/disable-function


@dataclass(frozen=True)
class FunctionApp:
    """What the platform would learn of the app at its start."""

    folder: Path
    host: Mapping[str, Any]
    triggers: tuple[Trigger, ...]
    settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    reading: str = ""  # how the triggers were found
    remarks: tuple[str, ...] = ()  # what the reader of the triggers has to say

    def host_value(self, path: str) -> Any:
        """The value at `path` (`extensions.queues.batchSize`) of `host.json`, or None. Names match without regard to
        case, and an app setting `AzureFunctionsJobHost__extensions__queues__batchSize` wins, as in the host itself."""
        return host_value(self.host, path, self.settings)

    @property
    def has_version(self) -> bool:
        """Whether the host takes the version of `host.json`; in an empty file it writes it itself."""
        return not self.host or self.host.get("version") == "2.0"

    def host_flag(self, path: str) -> bool:
        """Whether the value at `path` of `host.json` is true, also when written as text."""
        return str(self.host_value(path)).lower() == "true"

    def host_number(self, path: str, default: int, allowed: NumberRange = POSITIVE) -> int:
        """The whole number at `path` of `host.json`; limits of Durable Functions (`maxConcurrent...`) may be null.

        Raises:
            SettingsError: the host does not start with what stands there.
        """
        value = self.host_value(path)
        try:
            is_open = value is None or (value == "" and ".maxConcurrent" in path and "durableTask" in path)
            return default if is_open else whole_number(value, allowed)
        except ValueError as error:
            raise SettingsError(f"{path} of host.json: {error}: the host does not start with it") from error

    def is_disabled(self, function: str) -> bool:
        """Whether the app setting `AzureWebJobs.<function>.Disabled` (or with `_` for `.`) switches it off."""
        names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
        found = (find_setting(name, self.settings) for name in names)
        return any(setting is not None and setting[1].lower() in _TRUE for setting in found)

    def resolve(self, text: str) -> str:
        """`text` with each `%NAME%` replaced by app setting NAME where it is known."""
        return resolve_placeholders(text, self.settings)


def read_app(
    folder: Path, environment: Mapping[str, str] | None = None, with_local: bool = True, run: bool = False
) -> FunctionApp:
    """The app in `folder`, with app settings from `local.settings.json` and `environment` (which wins).

    Args:
        environment: app settings; this process's environment without it.
        with_local: whether `local.settings.json` counts; it does not for an app that is deployed.
        run: import the app in a child process and let the SDK list its functions; where that does not work, and
            without it, the source is read and nothing of the app runs.

    Raises:
        SettingsError: there is no readable app in the folder.
    """
    folder = find_app(folder)
    given = os.environ if environment is None else environment
    settings = app_settings(folder, given) if with_local else dict(given)
    return _with_triggers(FunctionApp(folder, read_json(folder / "host.json"), (), settings), run)


def _with_triggers(app: FunctionApp, run: bool) -> FunctionApp:
    """The app with its triggers. As in the worker, `function.json` files count where there is no script file."""
    named = find_setting("PYTHON_SCRIPT_FILE_NAME", app.settings)
    script = named[1] if named else DEFAULT_SCRIPT
    folder, settings = app.folder, app.settings
    files = function_json.read_triggers(folder)
    if not (folder / script).is_file():
        reading = "function.json files" if files else f"nothing: there is neither {script} nor a function.json"
        return FunctionApp(folder, app.host, files, settings, reading)
    remarks = (f"the function.json files are ignored, because {script} is there",) if files else ()
    reason = "as asked"
    if run:
        try:
            version, triggers = index_app(folder, script, settings)
            return FunctionApp(
                folder, app.host, triggers, settings, f"azure-functions {version}, which ran the app", remarks
            )
        except NotIndexedError as error:
            reason = f"the app does not import here ({error})"
    found = python_source.read_python(folder, script)
    return FunctionApp(folder, app.host, found.triggers, settings, f"its source, {reason}", remarks + found.remarks)
