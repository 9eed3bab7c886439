"""No module imports itself by way of others, not even late, inside a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[3]
TREES = {
    ROOT: ("activities", "composition.py", "ebb", "function_app.py", "handlers", "orchestrators", "triggers"),
    ROOT / "packages/devhost": ("devhost",),
}
LEAST = 500  # modules, so that a tree which was moved is missed


def modules_of(trees: Mapping[Path, tuple[str, ...]]) -> dict[str, Path]:
    """The file of each module, by its name."""
    found: dict[str, Path] = {}
    for root, tops in trees.items():
        for top in tops:
            for path in [root / top] if top.endswith(".py") else (root / top).rglob("*.py"):
                name = ".".join(path.relative_to(root).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path
    return found


def circle(modules: Mapping[str, Path]) -> list[str]:
    """The names along one circle, its first one again at the end; empty where there is none."""
    graph = {name: set(_imports(path, modules)) - {name} for name, path in modules.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _imports(path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = [f"{node.module}.{each.name}" for each in node.names]
            names = [part if part in modules else node.module for part in parts]
        yield from (name for name in names if name in modules)


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = modules_of(TREES)
    assert len(modules) > LEAST
    assert circle(modules) == []


def test_circle_is_found_in_a_late_import_too(tmp_path: Path) -> None:
    for name, text in {
        "__init__": "",
        "settings": "from app import rules",
        "rules": "import app.ticks",
        "ticks": "def late():\n    from app.settings import Settings",
        "alone": "import app.settings",
    }.items():
        (tmp_path / "app").mkdir(exist_ok=True)
        (tmp_path / "app" / f"{name}.py").write_text(text)
    found = circle(modules_of({tmp_path: ("app",)}))
    assert set(found) == {"app.settings", "app.rules", "app.ticks"}
