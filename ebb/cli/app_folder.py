"""The function app that a command is about: which folder it is, its app settings, its schedules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebb.core.errors import SettingsError

if TYPE_CHECKING:
    from ebb.core.settings.schedules import Schedules

AppFolder = Annotated[
    Path | None, typer.Option("--app", help="folder of the function app; the current folder without it", metavar="DIR")
]


def find_app(given: Path | None) -> Path:
    """The app's folder: `given`, or the current one.

    Raises:
        SettingsError: there is no app; the text says where it was looked for.
    """
    folder = (given or Path()).absolute()
    if (folder / "host.json").is_file():
        return folder
    fault = "has no host.json" if folder.is_dir() else "is not a folder"
    way_out = "name the folder of a function app with --app DIR, or make one: ebb init DIR"
    raise SettingsError(f"{folder} {fault}: {way_out}")


def app_settings(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The app settings of a local run: those of `local.settings.json`, and `environment`, which wins.

    Raises:
        SettingsError: the file is not a JSON object.
    """
    local = folder / "local.settings.json"
    values = read_json(local).get("Values") or {} if local.is_file() else {}
    return {**{key: str(value) for key, value in values.items()}, **environment}


def schedules_of(folder: Path, environment: Mapping[str, str]) -> Schedules:
    """The schedules of the app in `folder`, as the app itself reads them with these settings.

    Raises:
        SettingsError: it would not start with them, or has none.
    """
    from ebb.services import read_schedules

    path = folder / "schedules.yaml"
    if not path.is_file():
        way_out = "name another app's folder with --app DIR"
        raise SettingsError(f"{path.absolute()} is missing beside function_app.py; {way_out}")
    return read_schedules(folder, app_settings(folder, environment))


def read_json(path: Path) -> dict[str, Any]:
    """The object in the JSON file at `path`; a byte order mark is allowed.

    Raises:
        SettingsError: the file is not a JSON object.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise SettingsError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path} must hold one JSON object, not {type(document).__name__}")
    return document
