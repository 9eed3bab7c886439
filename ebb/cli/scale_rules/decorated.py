"""The functions of a module and the decorators on them, however written: above a function, or applied by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ebb.cli.scale_rules.modules import Names


def decorated(tree: ast.Module, path: Path, names: Names) -> Iterator[tuple[str, list[ast.Call], bool]]:
    """Each function's name with its decorators, also those applied by hand: `bp.activity_trigger(...)(work)`.

    Last, whether it is certain that the function is there, once.
    """
    inner: set[ast.Call] = set()
    uncertain = {
        node for outer in ast.walk(tree) if isinstance(outer, ast.If | ast.For | ast.While) for node in ast.walk(outer)
    }
    for node in ast.walk(tree):  # outer calls come before those within them
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = [_call_of(decorator, path, names) for decorator in node.decorator_list]
            yield node.name, [call for call in decorators if call is not None], node not in uncertain
        elif isinstance(node, ast.Call) and node not in inner:
            work, calls = _applied(node, inner)
            if calls:
                yield _name_of(work, path, names), [_called(call, path, names) for call in calls], node not in uncertain


def _call_of(decorator: ast.expr, path: Path, names: Names) -> ast.Call | None:
    """The call behind a decorator: itself, or what its name was given (`on_order = app.queue_trigger(...)`)."""
    if isinstance(decorator, ast.Name):
        assigned = names.assigned(decorator.id, path)
        return assigned if isinstance(assigned, ast.Call) else None
    return _called(decorator, path, names) if isinstance(decorator, ast.Call) else None


def _called(call: ast.Call, path: Path, names: Names) -> ast.Call:
    """The call of the SDK's decorator where another name stands for it: `on = app.queue_trigger`, also by `partial`."""
    made = names.assigned(call.func.id, path) if isinstance(call.func, ast.Name) else None
    if isinstance(made, ast.Attribute):
        return ast.copy_location(ast.Call(made, call.args, call.keywords), call)
    if isinstance(made, ast.Call) and made.args and ast.unparse(made.func).rpartition(".")[2] == "partial":
        given = [*made.args[1:], *call.args], [*made.keywords, *call.keywords]
        return ast.copy_location(ast.Call(made.args[0], *given), call)
    return call


def _applied(node: ast.expr, inner: set[ast.Call]) -> tuple[ast.expr, list[ast.Call]]:
    """The decorators in `a(...)(b(...)(work))`, outermost first, and `work`."""
    calls: list[ast.Call] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and len(node.args) == 1:
        inner.add(node)
        calls.append(node.func)
        node = node.args[0]
    return node, calls


def _name_of(work: ast.expr, path: Path, names: Names) -> str:
    """What the SDK calls a function that is handed to a decorator: its own name."""
    if isinstance(work, ast.Attribute):
        return work.attr
    if isinstance(work, ast.Name):
        return names.original(work.id, path)
    return "<lambda>" if isinstance(work, ast.Lambda) else ast.unparse(work)
