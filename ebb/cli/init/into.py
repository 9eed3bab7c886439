"""Ebb added to a function app that exists: its modules in one package of the app, two lines in `function_app.py`."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ebb.cli.doctor.check_host import VISIBILITY_TIMEOUTS
from ebb.cli.init import json_text, template
from ebb.cli.init.collisions import functions_of_app, functions_of_ebb, same_functions, same_modules
from ebb.cli.init.entry import with_ebb
from ebb.cli.init.folder_changes import Collision, File, FolderChanges, InitError
from ebb.cli.init.requirements import refused_pins, with_engine
from ebb.cli.scale_rules.app import read_app
from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.document import Json
from ebb.core.errors import SettingsError

_MODULES = ("activities", "composition", "handlers", "orchestrators", "triggers")
_IMPORT = re.compile(rf"^(from|import) ({'|'.join(_MODULES)})\b", re.MULTILINE)
_HANDLER = "handler: handlers."
_DURABLE = {"orchestrationTrigger", "activityTrigger", "entityTrigger"}
_ABOUT = '"""Ebb in this app: its cycle, its HTTP API, and the sample handler. function_app.py registers them."""\n'


def changes_into(folder: Path, package: str, prefix: str = "") -> FolderChanges:
    """All changes that add Ebb to the app in `folder`.

    Args:
        package: of Ebb's modules in the app.
        prefix: of the names and routes of Ebb's HTTP functions.

    Raises:
        InitError: the folder holds no app of the Python v2 model, or a file of it cannot be read.
        SettingsError: the prefix cannot be part of a name.
    """
    _require_app(folder)
    if not package.isidentifier() or keyword.iskeyword(package) or package == "ebb":
        raise InitError(f"package {package!r} cannot be a package of your app: name another with --package NAME")
    triggers = _triggers(folder)
    collisions = [
        *same_modules(folder, package),
        *same_functions(functions_of_ebb(prefix), functions_of_app(triggers), prefix),
        *refused_pins(_text(folder / "requirements.txt") or ""),
    ]
    changed: list[File] = []
    changes: dict[str, Callable[[str], str]] = {
        "function_app.py": lambda text: with_ebb(text, package, prefix),
        "host.json": lambda text: _host(text, triggers),
        "requirements.txt": with_engine,
    }
    for place, change in changes.items():
        before = _text(folder / place)
        try:
            changed.append(File(place, change(before or ""), before))
        except InitError as error:
            collisions.append(Collision(place, str(error)))
    return FolderChanges(folder, (*_new_files(package), *changed), tuple(collisions))


def _require_app(folder: Path) -> None:
    for name in ("host.json", "function_app.py"):
        if not (folder / name).is_file():
            way_out = f"name the folder of an app of the Python v2 model, or make one: ebb init {folder}"
            raise InitError(f"{folder} has no {name}: {way_out}")


def _triggers(folder: Path) -> tuple[Trigger, ...]:
    """What the app's source shows; nothing of the app is run."""
    try:
        return read_app(folder, environment={}, with_local=False).triggers
    except SettingsError as error:
        raise InitError(str(error)) from error


def _new_files(package: str) -> list[File]:
    """Ebb's modules, moved into `package`, and its schedules."""
    found = [File(f"{package}/__init__.py", _ABOUT)]
    for place, path in template.app_files().items():
        if place.split("/")[0].removesuffix(".py") in _MODULES:
            text = _IMPORT.sub(rf"\1 {package}.\2", path.read_text(encoding="utf-8"))
            found.append(File(f"{package}/{place}", text))
    schedules = template.app_files()["schedules.yaml"].read_text(encoding="utf-8")
    return [*found, File("schedules.yaml", schedules.replace(_HANDLER, f"handler: {package}.handlers."))]


def _host(text: str, triggers: Iterable[Trigger]) -> str:
    """`text` with the extension bundle, and with Durable's settings where the app has none of its own.

    Those of an app with orchestrations stay as they are: another hub name would lose its instances. Only how long
    queues hide what a dead host held is added, where Azure Storage keeps it and the app says nothing of that.
    """
    found, ours = json_text.read(text), json_text.read(template.app_files()["host.json"].read_text(encoding="utf-8"))
    if "extensionBundle" not in found:
        text = json_text.with_member(text, ("extensionBundle",), ours["extensionBundle"])
    extensions: Json = found.get("extensions") or {}
    durable = ("extensions", "durableTask")
    if "durableTask" not in extensions and not any(each.type in _DURABLE for each in triggers):
        return json_text.with_member(text, durable, ours["extensions"]["durableTask"])
    options: Json = extensions.get("durableTask") or {}
    provider: Json = options.get("storageProvider") or {}
    if str(provider.get("type") or "azureStorage").lower() == "azurestorage":
        for name in VISIBILITY_TIMEOUTS:
            if name not in provider:
                value = ours["extensions"]["durableTask"]["storageProvider"][name]
                text = json_text.with_member(text, (*durable, "storageProvider", name), value)
    return text


def _text(path: Path) -> str | None:
    """The content, line ends as they are; None where there is no such file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InitError(f"{path} cannot be read: {error}") from error
