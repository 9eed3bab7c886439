"""A public class of `ebb` has a name of its own: one word says one thing, wherever it is read."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]


def repeated_classes(root: Path) -> dict[str, list[str]]:
    """Public classes that several modules under `root` define, by name: the modules, as paths from `root`."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(root.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(root).as_posix())
    return {name: where for name, where in places.items() if len(where) > 1}


def test_a_public_class_has_a_name_of_its_own() -> None:
    repeated = repeated_classes(ROOT / "ebb")
    assert not repeated, f"give at least one of each a name that says what it is: {repeated}"


def test_two_modules_with_a_class_of_one_name_are_found(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "one.py").write_text("class Box:\n    pass\n\n\nclass _Own:\n    pass\n")
    (tmp_path / "part/two.py").write_text("class Box:\n    class Inner:\n        pass\n\n\nclass _Own:\n    pass\n")
    (tmp_path / "three.py").write_text("class Inner:\n    pass\n")
    assert repeated_classes(tmp_path) == {"Box": ["one.py", "part/two.py"]}
