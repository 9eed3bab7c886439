"""Values of expressions in source that is not run: literals, names of module constants, and what is built of them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import azure.functions as func

from ebb.cli.scale_rules.modules import Foreign, Names
from ebb.cli.scale_rules.trigger import Unresolved

_DEPTH = 8  # a constant that refers to constants that refer to ...


class Constants:
    """Works expressions out with the names of one app."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def value(self, node: ast.expr, path: Path, depth: int = _DEPTH) -> Any:
        """The value of `node` in the module at `path`, or `Unresolved` with its text."""
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError):
            pass
        found = self._look_up(node, path, depth) if depth else None
        return Unresolved(ast.unparse(node)) if found is None else found

    def _look_up(self, node: ast.expr, path: Path, depth: int) -> Any:
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(node, path, depth)
        if isinstance(node, ast.JoinedStr):
            return self._joined(node, path, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [self.value(part, path, depth - 1) for part in (node.left, node.right)]
            return "".join(parts) if all(isinstance(part, str) for part in parts) else None
        return None

    def _named(self, node: ast.Name | ast.Attribute, path: Path, depth: int) -> Any:
        """A constant of a module, or a member of the SDK's own enums (`func.BlobSource.EVENT_GRID`)."""
        origin = self._names.origin(node, path)
        if isinstance(origin, Foreign):
            return _member(origin.dotted)
        if origin is None or self._names.is_open(origin[1], origin[0]):
            return None
        expression = self._names.assigned(origin[1], origin[0])
        return self.value(expression, origin[0], depth - 1) if expression is not None else None

    def _joined(self, node: ast.JoinedStr, path: Path, depth: int) -> str | None:
        parts: list[str] = []
        for piece in node.values:
            value = self.value(piece.value if isinstance(piece, ast.FormattedValue) else piece, path, depth - 1)
            if isinstance(value, Unresolved):
                return None
            parts.append(str(value))
        return "".join(parts)


def _member(dotted: str) -> Any:
    *_, enum, member = ["", *dotted.split(".")]
    found = getattr(getattr(func, enum, None), member, None) if dotted.startswith("azure.functions") else None
    return getattr(found, "value", None)
