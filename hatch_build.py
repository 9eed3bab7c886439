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
            if path.is_file():
                build_data["force_include"][str(path)] = f"{PLACE}/{place}"
            for file in sorted(path.rglob("*.*")):
                inside = file.relative_to(path)
                if file.is_file() and not any(part[0] == "." or part == "__pycache__" for part in inside.parts):
                    build_data["force_include"][str(file)] = f"{PLACE}/{place}/{inside.as_posix()}"
