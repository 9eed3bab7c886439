"""Lets the app's own folder win when a name is imported, also where its folder has no `__init__.py`.

In Azure only the app and the installed packages are on `sys.path`. Here the folder of the start is too,
and Python prefers a package with an `__init__.py` there to a folder without one in the app.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_INSTALLED = tuple({*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()})
_STARTED_IN = Path.cwd()
_OWN_PLACE = Path(__file__).resolve().parents[1]


class OwnFolderFinder:
    """Finds what the app's folder holds as Azure would: in that folder, then among what is installed."""

    def __init__(self, script_root: Path) -> None:
        self.script_root = script_root

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not _holds(self.script_root, name):
            return None
        foreign = {_STARTED_IN, _OWN_PLACE} - {self.script_root}
        searched = [one for one in sys.path if one.startswith(_INSTALLED) or Path(one).resolve() not in foreign]
        return PathFinder.find_spec(name, [str(self.script_root), *searched], target)


def own_folder_first(script_root: Path) -> None:
    """Put the finder in front of Python's own for files, and set modules aside that came from elsewhere under a name of
    the app. What is built into Python comes first, as everywhere."""
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, OwnFolderFinder)]
    finder: Any = OwnFolderFinder(script_root)  # finders need no base class
    sys.meta_path.insert(sys.meta_path.index(PathFinder), finder)
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if _holds(script_root, top) and _is_foreign(module, script_root):
            del sys.modules[name]


def _holds(script_root: Path, name: str) -> bool:
    folder = script_root / name
    return (script_root / f"{name}.py").is_file() or (folder.is_dir() and any(folder.glob("**/*.py")))


def _is_foreign(module: ModuleType, script_root: Path) -> bool:
    """Whether a module lies in the folder of the start or of the devhost, and not in the app."""
    places = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    paths = [Path(one).resolve() for one in places if one]
    if any(_within(path, script_root) or str(path).startswith(_INSTALLED) for path in paths):
        return False
    return any(_within(path, root) for path in paths for root in (_STARTED_IN, _OWN_PLACE))


def _within(path: Path, folder: Path) -> bool:
    return str(path).startswith(f"{folder}{os.sep}")
