"""The arrows between rooms, counted: `python -m tests.project.package.arrows [FOLDER]` prints them, and how many.

A room is a package or a module at the root of the tree; `ebb` is as many rooms as it has parts. An arrow is that one
room imports another, however often.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
NOT_THE_APP = frozenset({"bench", "dev", "hatch_build", "tests"})
Arrow = tuple[str, str]


def arrows_of(root: Path) -> set[Arrow]:
    """The arrows in the tree at `root`, each as (who imports, what)."""
    packages = {path.parent.name for path in root.glob("*/__init__.py")}
    tops = (packages | {path.stem for path in root.glob("*.py")}) - NOT_THE_APP
    parts = {path.stem for path in (root / "ebb").glob("*")}
    found: set[Arrow] = set()
    for top in tops:
        files = (root / top).rglob("*.py") if top in packages else [root / f"{top}.py"]
        for path in files:
            here = _room(".".join(path.relative_to(root).with_suffix("").parts), parts)
            there = {_room(name, parts) for name in _imports(path) if name.split(".")[0] in tops}
            found |= {(here, room) for room in there - {here}}
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "ebb":  # a part of it, or a name of its own
            yield from (f"ebb.{each.name}" for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _room(module: str, parts: set[str]) -> str:
    top, _, rest = module.partition(".")
    part = rest.partition(".")[0]
    return f"ebb.{part}" if top == "ebb" and part in parts - {"__init__"} else top


if __name__ == "__main__":
    arrows = arrows_of(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    for source, target in sorted(arrows):
        print(f"{source} -> {target}")  # noqa: T201 - a command's output
    print(f"{len(arrows)} arrows")  # noqa: T201 - as above
