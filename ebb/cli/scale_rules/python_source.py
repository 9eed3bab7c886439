"""Triggers of a Python v2 app, read from its source: the decorators of `function_app.py` and of what it imports.

The app is not imported: another app's packages need not be installed, and nothing of it runs. The price: a value that
is no constant is shown as the expression that stands there.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import azure.durable_functions as df

from ebb.cli.scale_rules.constants import Constants
from ebb.cli.scale_rules.trigger import Trigger
from ebb.core.errors import SettingsError

# Decorators of azure.functions and azure.durable_functions, and the binding types that they write.
TRIGGERS = {
    "route": "httpTrigger",
    "queue_trigger": "queueTrigger",
    "service_bus_queue_trigger": "serviceBusTrigger",
    "service_bus_topic_trigger": "serviceBusTrigger",
    "event_hub_message_trigger": "eventHubTrigger",
    "kafka_trigger": "kafkaTrigger",
    "cosmos_db_trigger": "cosmosDBTrigger",
    "cosmos_db_trigger_v3": "cosmosDBTrigger",
    "blob_trigger": "blobTrigger",
    "event_grid_trigger": "eventGridTrigger",
    "timer_trigger": "timerTrigger",
    "schedule": "timerTrigger",
    "orchestration_trigger": "orchestrationTrigger",
    "activity_trigger": "activityTrigger",
    "entity_trigger": "entityTrigger",
    "sql_trigger": "sqlTrigger",
    "mysql_trigger": "mysqlTrigger",
    "warm_up_trigger": "warmupTrigger",
    "dapr_binding_trigger": "daprBindingTrigger",
    "dapr_topic_trigger": "daprTopicTrigger",
    "dapr_service_invocation_trigger": "daprServiceInvocationTrigger",
    "assistant_skill_trigger": "assistantSkillTrigger",
    "mcp_tool_trigger": "mcpToolTrigger",
    "connector_trigger": "connectorTrigger",
    "generic_trigger": "",  # its `type` argument says
}
_IRREGULAR = {"path": "path", "data_type": "dataType"}


def read_triggers(folder: Path) -> tuple[Trigger, ...]:
    """The triggers in `function_app.py` and in the modules of the folder that it reaches by imports; none without it.

    Raises:
        SettingsError: a module is not valid Python.
    """
    modules = reachable_modules(folder)
    constants = Constants(folder, modules)
    return tuple(trigger for path, tree in modules.items() for trigger in _triggers_of(path, tree, folder, constants))


def reachable_modules(folder: Path) -> dict[Path, ast.Module]:
    """`function_app.py` and every module of `folder` that it reaches by imports, parsed; empty without it.

    Raises:
        SettingsError: a module is not valid Python.
    """
    entry = folder / "function_app.py"
    modules: dict[Path, ast.Module] = {}
    if entry.is_file():
        _load(entry, folder, modules)
    return modules


def _load(path: Path, folder: Path, modules: dict[Path, ast.Module]) -> None:
    try:
        modules[path] = tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
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
            base = path.parents[node.level - 1] if node.level else folder
            yield from _files_of(base, node.module or "")
            for alias in node.names:
                yield from _files_of(base, ".".join(filter(None, (node.module, alias.name))))


def _files_of(base: Path, dotted: str) -> Iterator[Path]:
    stem = base.joinpath(*dotted.split(".")) if dotted else base
    yield from (path for path in (stem.with_suffix(".py"), stem / "__init__.py") if dotted and path.is_file())


def _triggers_of(path: Path, tree: ast.Module, folder: Path, constants: Constants) -> Iterator[Trigger]:
    where = path.relative_to(folder).as_posix()
    for plain_name, calls in _decorated(tree):
        names = [_arguments(call, path, constants) for call in calls if _decorator(call) == "function_name"]
        function = str(names[0].get("name", plain_name)) if names else plain_name
        for call in calls:
            decorator = _decorator(call)
            if decorator in TRIGGERS:
                arguments = _arguments(call, path, constants)
                kind = TRIGGERS[decorator] or str(arguments.pop("type", "genericTrigger"))
                yield Trigger(function, kind, arguments, f"{where}:{call.lineno}")


def _decorated(tree: ast.Module) -> Iterator[tuple[str, list[ast.Call]]]:
    """Each function's name with its decorators, also those applied by hand: `bp.activity_trigger(...)(work)`."""
    inner: set[ast.Call] = set()
    for node in ast.walk(tree):  # outer calls come before those within them
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, [call for call in node.decorator_list if isinstance(call, ast.Call)]
        elif isinstance(node, ast.Call) and node not in inner:
            name, calls = _applied(node, inner)
            if calls:
                yield name, calls


def _applied(node: ast.expr, inner: set[ast.Call]) -> tuple[str, list[ast.Call]]:
    """The decorators in `a(...)(b(...)(work))`, outermost first, and `work`'s name."""
    calls: list[ast.Call] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call) and len(node.args) == 1:
        inner.add(node)
        calls.append(node.func)
        node = node.args[0]
    return ast.unparse(node), calls


def _decorator(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _arguments(call: ast.Call, path: Path, constants: Constants) -> dict[str, Any]:
    """The call's arguments under the names of `function.json`; positional ones by the SDK's own signature."""
    names = [name for name in inspect.signature(getattr(df.DFApp, _decorator(call))).parameters if name != "self"]
    given = dict(zip(names, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    values = {_binding_name(name): constants.value(node, path) for name, node in given.items()}
    return {name: value for name, value in values.items() if value is not None}


def _binding_name(argument: str) -> str:
    """`queue_name` is `queueName` in `function.json`."""
    return _IRREGULAR.get(argument) or re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), argument)
