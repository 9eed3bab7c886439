"""The function app that a command is about: which folder it is, its app settings, its schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebb.core.document import is_object
from ebb.core.errors import SettingsError
from ebb.core.settings.host_files import decode_host_file, host_value, parse_host_file

if TYPE_CHECKING:
    from ebb.core.settings.schedules import Schedules

AppFolder = Annotated[
    Path | None, typer.Option("--app", help="folder of the function app; the current folder without it", metavar="DIR")
]


class NoAppError(SettingsError):
    """A command was called outside any app; the text says where it looked, and how to name one."""


def find_app(given: Path | None) -> Path:
    """The app's folder: `given`, or the current one.

    Raises:
        NoAppError: there is no app.
    """
    folder = (given or Path()).absolute()
    if (folder / "host.json").is_file():
        return folder
    fault = "has no host.json" if folder.is_dir() else "is not a folder"
    way_out = "name the folder of a function app with --app DIR, or make one: ebb init DIR"
    raise NoAppError(f"{folder} {fault}: {way_out}")


def app_settings(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The app settings of a local run: what the Core Tools make of `local.settings.json`, below `environment`.

    The Core Tools take `Values`, and `ConnectionStrings` under that prefix.

    Raises:
        SettingsError: the file cannot be read so.
    """
    path = folder / "local.settings.json"
    if not path.is_file():
        return dict(environment)
    document = read_json(path)
    if str(host_value(document, "IsEncrypted", {})).lower() == "true":
        raise SettingsError(f"{path} is encrypted: run `func settings decrypt`, or set IsEncrypted to false")
    values: object = host_value(document, "Values", {}) or {}
    strings: object = host_value(document, "ConnectionStrings", {}) or {}
    if not is_object(values) or not is_object(strings):
        raise SettingsError(f"{path}: Values and ConnectionStrings must be JSON objects of names and values")
    named = {**values, **{f"ConnectionStrings:{name}": _string_of(value) for name, value in strings.items()}}
    return {**{str(name): _text(value) for name, value in named.items() if value is not None}, **environment}


def _string_of(value: Any) -> Any:
    """A connection string stands there as text, or beside its ProviderName."""
    return value.get("ConnectionString") if is_object(value) else value


def _text(value: Any) -> str:
    """A value as the Core Tools have it: what is not a text in JSON is as it stands there (`true`)."""
    return value if isinstance(value, str) else json.dumps(value)


def schedules_of(folder: Path, environment: Mapping[str, str]) -> Schedules:
    """The schedules of the app in `folder`, as the app itself reads them with these settings.

    Raises:
        NoAppError: there is no app, or one without Ebb.
        SettingsError: it would not start with them.
    """
    from ebb.services import read_schedules

    path = folder / "schedules.yaml"
    if not path.is_file():
        app = find_app(folder)
        way_out = f"add Ebb by ebb init --into {app}, or name another app's folder with --app DIR"
        raise NoAppError(f"{app} has no schedules.yaml: {way_out}")
    return read_schedules(folder, app_settings(folder, environment))


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file at `path`, read as the Functions host reads its files.

    Raises:
        SettingsError: the file is not a JSON object.
    """
    try:
        return parse_host_file(decode_host_file(path.read_bytes()), str(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
