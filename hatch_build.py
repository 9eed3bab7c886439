"""Puts the function app of this repository into the wheel, as the template that `ebb init` lays down.

The table `[tool.hatch.build.targets.wheel.hooks.custom.template]` of pyproject.toml says which files, and where.
A hook, and not `force-include`: that one would also put copies into an editable install, where they would hide `ebb`.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "ebb/template"


class TemplateHook(BuildHookInterface[Any]):
    """Adds the template's files to a wheel that is going to be installed, not to an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name each file and its place in the wheel."""
        if version == "editable":
            return
        for source, place in self.config["template"].items():
            path = Path(self.root, source)
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file() and "__pycache__" not in file.parts:
                    inside = file.relative_to(path).as_posix() if path.is_dir() else ""
                    build_data["force_include"][str(file)] = "/".join(filter(None, (PLACE, place, inside)))
