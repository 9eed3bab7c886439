"""Triggers of an app in the first programming model: one folder with a `function.json` for each function."""

from __future__ import annotations

from pathlib import Path

from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.errors import SettingsError
from ebb.core.settings.host_files import decode_host_file, parse_host_file


def read_triggers(folder: Path) -> tuple[Trigger, ...]:
    """The trigger of each function, in the order of their names. A disabled function has none.

    Raises:
        SettingsError: a `function.json` cannot be read.
    """
    found: list[Trigger] = []
    for path in sorted(folder.glob("*/function.json")):
        document = parse_host_file(decode_host_file(path.read_bytes()), str(path))
        try:
            bindings = document.get("bindings", [])
            triggers = [binding for binding in bindings if str(binding["type"]).lower().endswith("trigger")]
        except (KeyError, AttributeError, TypeError) as error:
            raise SettingsError(f"{path} is not a function.json with bindings: {error!r}") from error
        if document.get("disabled") is True:
            continue
        where = path.relative_to(folder).as_posix()
        found += [
            Trigger(
                path.parent.name, _spelled(binding["type"]), {k: v for k, v in binding.items() if k != "type"}, where
            )
            for binding in triggers
        ]
    return tuple(found)


def _spelled(name: str) -> str:
    """The type with a small first letter: both spellings are in use."""
    return name[:1].lower() + name[1:]
