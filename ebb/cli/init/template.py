"""The template's files: those of this repository, or their copies in an installed package.

The wheel holds them below `ebb/template` (hatch_build.py puts them there). A checkout has no copies: there the same
table of pyproject.toml says where each file lies.
"""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[2]
_INSTALLED = _PACKAGE / "template"
_CHECKOUT = _PACKAGE.parent
APP, TOOLS = "app", "tools"


def app_files() -> dict[str, Path]:
    """The files of a new function app: its place there ("activities/close_cycle.py"), and where to read it."""
    return _below(APP)


def tool_file(name: str) -> Path:
    """Where `package.json` or `package-lock.json` lies: the pins of what comes from npm."""
    return _below(TOOLS)[name]


def code_folder() -> Path:
    """The folder from which the template's modules (`composition`, `activities`, ...) are imported."""
    return _INSTALLED / APP if _is_installed() else _CHECKOUT


def checkout() -> Path | None:
    """The folder of the repository that this code is run from; None for an installed package."""
    return None if _is_installed() else _CHECKOUT


def make_importable() -> None:
    """Put the template's modules first on this process's path, before an app's own of the same names."""
    folder = str(code_folder())
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _is_installed() -> bool:
    return _INSTALLED.is_dir()


def _below(top: str) -> dict[str, Path]:
    return {place.removeprefix(f"{top}/"): path for place, path in _files().items() if place.startswith(f"{top}/")}


@cache
def _files() -> dict[str, Path]:
    if _is_installed():
        return {path.relative_to(_INSTALLED).as_posix(): path for path in _readable(_INSTALLED)}
    project = tomllib.loads((_CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    table: dict[str, str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["template"]
    found: dict[str, Path] = {}
    for source, place in table.items():
        path = _CHECKOUT / source
        if path.is_dir():
            found |= {f"{place}/{file.relative_to(path).as_posix()}": file for file in _readable(path)}
        else:
            found[place] = path
    return found


def _readable(folder: Path) -> list[Path]:
    """The files of the folder; none of those that tools leave there."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_kept(path.relative_to(folder))]


def _is_kept(place: Path) -> bool:
    return not any(part.startswith(".") or part == "__pycache__" for part in place.parts)
