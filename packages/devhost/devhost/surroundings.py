"""What loading an app changes in this process, so that it can be undone when the host stops."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType


class Surroundings:
    """Current folder, `sys.path`, environment and modules, as they were when this was made."""

    def __init__(self) -> None:
        self._folder, self._path = Path.cwd(), list(sys.path)
        self._environment, self._modules = dict(os.environ), dict(sys.modules)
        self._finders = list(sys.meta_path)

    def restore(self, script_root: Path) -> None:
        """Put everything back, and forget the modules that came from the app: another app may have equal names."""
        os.chdir(self._folder)
        sys.path[:] = self._path
        sys.meta_path[:] = self._finders
        os.environ.clear()
        os.environ.update(self._environment)
        for name, module in list(sys.modules.items()):
            earlier = self._modules.get(name)
            if module is earlier or not _lies_in(module, script_root):
                continue
            if earlier is None:
                del sys.modules[name]
            else:
                sys.modules[name] = earlier
        for name, module in self._modules.items():  # those that were set aside for modules of the app
            sys.modules.setdefault(name, module)


def _lies_in(module: ModuleType, folder: Path) -> bool:
    # Packages that are installed below the app stay: they are not the app's own, and some cannot be imported twice.
    content = getattr(module, "__dict__", {})
    places = [content.get("__file__"), *(content.get("__path__") or ())]
    inside = f"{folder}{os.sep}"
    return any(str(place).startswith(inside) and "site-packages" not in str(place) for place in places if place)
