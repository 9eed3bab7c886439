"""The Python modules of an app that its script reaches by imports, parsed and not run; what their names stand for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ebb.core.errors import SettingsError

_DEPTH = 8  # a name that is imported from where it was imported from ...


def reachable_modules(folder: Path, script: str = "function_app.py") -> dict[Path, ast.Module]:
    """`script` and every module of `folder` that it reaches by imports, parsed; empty without it.

    Raises:
        SettingsError: a module is not valid Python.
    """
    entry = folder / script
    modules: dict[Path, ast.Module] = {}
    if entry.is_file():
        _load(entry, folder, modules)
    return modules


@dataclass(frozen=True)
class Foreign:
    """What a name stands for when it comes from outside the app: `flask.Flask`."""

    dotted: str


class Names:
    """Looks names up in the modules of one app, through its imports."""

    def __init__(self, folder: Path, modules: Mapping[Path, ast.Module]) -> None:
        self._assigned = {path: _assignments(tree) for path, tree in modules.items()}
        self._imported = {path: _imports(tree, path, folder) for path, tree in modules.items()}

    def assigned(self, name: str, path: Path) -> ast.expr | None:
        """The expression that module `path` gives to `name`; the last one where there are several."""
        return next(reversed(self._assigned.get(path, {}).get(name, ())), None)

    def is_open(self, name: str, path: Path) -> bool:
        """Whether module `path` gives several values to `name`, so that they are a matter of time."""
        return len({ast.dump(expression) for expression in self._assigned.get(path, {}).get(name, ())}) > 1

    def original(self, name: str, path: Path) -> str:
        """The name under which `name` was imported into module `path`: `work` for `from tasks import work as job`."""
        target = self._imported.get(path, {}).get(name)
        found = target.dotted.rpartition(".")[2] if isinstance(target, Foreign) else target[1] if target else ""
        return found or name

    def origin(self, node: ast.expr, path: Path, depth: int = _DEPTH) -> tuple[Path, str] | Foreign | None:
        """Module and name where what `node` names is assigned; `Foreign` if that is not a module of the app."""
        if isinstance(node, ast.Name):
            return self._origin_of_name(node.id, path, depth)
        if isinstance(node, ast.Attribute) and depth:
            base = self._module(node.value, path) or self.origin(node.value, path, depth - 1)
            if isinstance(base, Foreign):
                return Foreign(f"{base.dotted}.{node.attr}")
            if isinstance(base, Path):
                return self._origin_of_name(node.attr, base, depth - 1)
        return None

    def _origin_of_name(self, name: str, path: Path, depth: int) -> tuple[Path, str] | Foreign | None:
        if name in self._assigned.get(path, {}):
            return path, name
        target = self._imported.get(path, {}).get(name)
        if isinstance(target, Foreign):
            return target
        if target is not None and target[1] and depth:
            return self._origin_of_name(target[1], target[0], depth - 1)
        return None

    def _module(self, node: ast.expr, path: Path) -> Path | None:
        """The module that `node` names: `queues` or `shared.queues`."""
        target = self._imported.get(path, {}).get(ast.unparse(node))
        return target[0] if isinstance(target, tuple) and not target[1] else None


def _load(path: Path, folder: Path, modules: dict[Path, ast.Module]) -> None:
    try:
        modules[path] = tree = ast.parse(path.read_bytes(), str(path))  # bytes: Python finds the encoding by itself
    except (SyntaxError, ValueError) as error:
        raise SettingsError(f"{path} is not valid Python: {error}") from error
    for imported in _imported_files(tree, path, folder):
        if imported not in modules:
            _load(imported, folder, modules)


def _imported_files(tree: ast.Module, path: Path, folder: Path) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(folder, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, path, folder)
            yield from _files_of(base, node.module or "")
            for alias in node.names:
                yield from _files_of(base, ".".join(filter(None, (node.module, alias.name))))
        elif isinstance(node, ast.Call) and _is_import_module(node):
            yield from _files_of(folder, str(ast.literal_eval(node.args[0])))


def _is_import_module(node: ast.Call) -> bool:
    return _imports_by_name(node) and isinstance(node.args[0], ast.Constant)


def _imports_by_name(node: ast.Call) -> bool:
    return ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__") and bool(node.args)


def open_imports(tree: ast.Module) -> list[int]:
    """The lines on which `tree` imports a module whose name is known only at run time."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _imports_by_name(node))
    return [node.lineno for node in calls if not isinstance(node.args[0], ast.Constant)]


def _base(node: ast.ImportFrom, path: Path, folder: Path) -> Path:
    return path.parents[node.level - 1] if node.level and node.level <= len(path.parents) else folder


def _files_of(base: Path, dotted: str) -> Iterator[Path]:
    """The module's file, and before it those of the packages around it, which Python loads too."""
    parts = dotted.split(".") if dotted else []
    for count in range(1, len(parts) + 1):
        stem = base.joinpath(*parts[:count])
        files = (stem / "__init__.py", stem.with_suffix(".py"))
        yield from (file for file in files if file.is_file())


def _assignments(tree: ast.Module) -> dict[str, list[ast.expr]]:
    names: dict[str, list[ast.expr]] = {}
    for node in _of_the_module(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in _named(target, node.value):
                    names.setdefault(name, []).append(value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            names.setdefault(node.target.id, []).append(node.value)
    return names


def _named(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for part, given in zip(target.elts, value.elts, strict=True):
            yield from _named(part, given)


def _of_the_module(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything that stands in the module itself, conditions and loops included, functions and classes left out."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield node
            yield from _of_the_module(node)


def _imports(tree: ast.Module, path: Path, folder: Path) -> dict[str, tuple[Path, str] | Foreign]:
    """Local name -> the module's file and the name in it ("" when the module itself is meant), or what is foreign."""
    names: dict[str, tuple[Path, str] | Foreign] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                file = _file(folder, alias.name)
                local = alias.asname or (alias.name if file else alias.name.split(".")[0])
                whole = alias.name if alias.asname else local
                names[local] = (file, "") if file else Foreign(whole)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, path, folder)
            package = base.joinpath(*(node.module or "").split(".")) if node.module else base
            for alias in node.names:
                names[alias.asname or alias.name] = _from(package, alias.name, node)
    return names


def _from(package: Path, name: str, node: ast.ImportFrom) -> tuple[Path, str] | Foreign:
    inner, outer = _file(package, name), _file(package.parent, package.name)
    if inner:
        return inner, ""
    return (outer, name) if outer else Foreign(f"{node.module}.{name}")


def _file(base: Path, dotted: str) -> Path | None:
    stem = base.joinpath(*dotted.split("."))
    return next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)
