"""A function app as it lies in a folder: `host.json`, its app settings, and its triggers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ebb.cli.scale_rules import function_json, python_source
from ebb.cli.scale_rules.numbers import POSITIVE, Bounds, whole_number
from ebb.cli.scale_rules.sdk_index import NotIndexedError, index_app
from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.errors import SettingsError
from ebb.core.settings.app_settings import find_setting, resolve_placeholders
from ebb.core.settings.host_files import decode_text, host_value, parse_host_file

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

    def host_flag(self, path: str) -> bool:
        """Whether the value at `path` of `host.json` is true, also when written as text."""
        return str(self.host_value(path)).lower() == "true"

    def host_number(self, path: str, default: int, bounds: Bounds = POSITIVE) -> int:
        """The whole number at `path` of `host.json`.

        Raises:
            SettingsError: the host does not start with what stands there.
        """
        value = self.host_value(path)
        try:
            return default if value is None else whole_number(value, bounds)
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
    path = folder / "host.json"
    if not path.is_file():
        raise SettingsError(f"{folder} is no function app: it has no host.json; name its folder with --app")
    host = read_json(path)
    given = os.environ if environment is None else environment
    settings = {**(local_settings(folder / "local.settings.json") if with_local else {}), **given}
    app = FunctionApp(folder, host, (), settings)
    return _with_triggers(app, run)


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file at `path`, read as the Functions host reads its files.

    Raises:
        SettingsError: the file is not a JSON object.
    """
    try:
        return parse_host_file(decode_text(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def local_settings(path: Path) -> dict[str, str]:
    """What the Core Tools make of the file: `Values`, and `ConnectionStrings` under that prefix; nothing without it.

    Raises:
        SettingsError: it cannot be read.
    """
    if not path.is_file():
        return {}
    document = read_json(path)
    values = host_value(document, "Values", {}) or {}
    strings = host_value(document, "ConnectionStrings", {}) or {}
    if not isinstance(values, Mapping) or not isinstance(strings, Mapping):
        raise SettingsError(f"{path}: Values and ConnectionStrings must be JSON objects of names and values")
    named = {**values, **{f"ConnectionStrings:{name}": value for name, value in strings.items()}}
    return {str(name): _text(value) for name, value in named.items() if not isinstance(value, Mapping)}


def _text(value: Any) -> str:
    return "" if value is None else str(value)


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
    source = python_source.read_source(folder, script)
    return FunctionApp(folder, app.host, source.triggers, settings, f"its source, {reason}", remarks + source.remarks)
