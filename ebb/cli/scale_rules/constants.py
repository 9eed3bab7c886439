"""Values of expressions in source that is not run: literals, names of module constants, and what is built of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ebb.cli.scale_rules.trigger import Unresolved

_DEPTH = 8  # a constant that refers to constants that refer to ...


class Constants:
    """Looks names up in the modules of one app."""

    def __init__(self, folder: Path, modules: Mapping[Path, ast.Module]) -> None:
        self._folder = folder
        self._names = {path: _assignments(tree) for path, tree in modules.items()}
        self._imports = {path: _imports(tree, path, folder) for path, tree in modules.items()}

    def value(self, node: ast.expr, path: Path, depth: int = _DEPTH) -> Any:
        """The value of `node` in the module at `path`, or `Unresolved` with its text."""
        try:
            return ast.literal_eval(node)
        except ValueError:
            pass
        found = self._lookup(node, path, depth) if depth else None
        return Unresolved(ast.unparse(node)) if found is None else found

    def _lookup(self, node: ast.expr, path: Path, depth: int) -> Any:
        if isinstance(node, ast.Name):
            return self._named(node.id, path, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, path, depth)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, path, depth)
        return None

    def _named(self, name: str, path: Path, depth: int) -> Any:
        if name in self._names.get(path, {}):
            return self.value(self._names[path][name], path, depth - 1)
        target = self._imports.get(path, {}).get(name)
        if target and target[1]:
            return self._named(target[1], target[0], depth - 1)
        return None

    def _attribute(self, node: ast.Attribute, path: Path, depth: int) -> Any:
        """`names.QUEUE` of an imported module, or a member of the SDK's own enums (`BlobSource.EVENT_GRID`)."""
        if isinstance(node.value, ast.Name):
            target = self._imports.get(path, {}).get(node.value.id)
            if target and not target[1]:
                return self._named(node.attr, target[0], depth - 1)
        return {
            "EVENT_GRID": "EventGrid",
            "LOGS_AND_CONTAINER_SCAN": "LogsAndContainerScan",
            "MANY": "many",
            "ONE": "one",
        }.get(node.attr)

    def _joined(self, node: ast.JoinedStr, path: Path, depth: int) -> str | None:
        parts: list[str] = []
        for piece in node.values:
            value = self.value(piece.value if isinstance(piece, ast.FormattedValue) else piece, path, depth - 1)
            if isinstance(value, Unresolved):
                return None
            parts.append(str(value))
        return "".join(parts)


def _assignments(tree: ast.Module) -> dict[str, ast.expr]:
    names: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            names[node.target.id] = node.value
    return names


def _imports(tree: ast.Module, path: Path, folder: Path) -> dict[str, tuple[Path, str]]:
    """Local name -> the module's file, and the name in it ("" when the module itself is meant)."""
    names: dict[str, tuple[Path, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                file = folder.joinpath(*alias.name.split(".")).with_suffix(".py")
                if file.is_file():
                    names[alias.asname or alias.name] = (file, "")
        elif isinstance(node, ast.ImportFrom):
            base = (path.parents[node.level - 1] if node.level else folder).joinpath(*(node.module or "").split("."))
            for alias in node.names:
                inner, outer = base / f"{alias.name}.py", base.with_suffix(".py")
                if inner.is_file():
                    names[alias.asname or alias.name] = (inner, "")
                elif outer.is_file():
                    names[alias.asname or alias.name] = (outer, alias.name)
    return names
