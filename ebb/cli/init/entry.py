"""The two lines that add Ebb to a `function_app.py`."""

from __future__ import annotations

import ast

from ebb.cli.init.folder_changes import InitError

_MAKERS = {"FunctionApp", "DFApp", "AsgiFunctionApp", "WsgiFunctionApp"}


def with_ebb(text: str, package: str, prefix: str) -> str:
    """`text` with a call after the line that makes the app, and an import after the last one above it.

    Raises:
        InitError: it is not Python, or shows no app to register on; the text has the two lines.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise InitError(f"is not valid Python: {error}") from error
    makers = _makers(tree)
    imported, called = _lines(package, prefix, next(iter(makers), "app"))
    if len(makers) != 1:
        makes = f"makes {len(makers)} apps" if makers else "makes no FunctionApp or DFApp at its top level"
        raise InitError(f"{makes}: write the lines `{imported}` and `{called}` where your app is made")
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith(("\n", "\r")):
        lines[-1] += end
    (made,) = makers.values()
    lines.insert(made, called + end)
    lines.insert(_last_import(tree, made), imported + end)
    return "".join(lines)


def _lines(package: str, prefix: str, app: str) -> tuple[str, str]:
    given = f', prefix="{prefix}"' if prefix else ""
    return f"from {package}.composition import add_ebb", f"add_ebb({app}, __file__{given})"


def _makers(tree: ast.Module) -> dict[str, int]:
    """The variables that hold an app, and the line on which each is made."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if _name(node.value.func) in _MAKERS:
                found |= {each.id: node.end_lineno or 0 for each in targets if isinstance(each, ast.Name)}
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _last_import(tree: ast.Module, before: int) -> int:
    """The line on which the last import above line `before` ends."""
    imports = [node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return max((each for each in imports if each < before), default=0)
