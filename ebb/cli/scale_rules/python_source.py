"""Triggers of a Python v2 app, read from its source: the decorators of its script and of what that imports.

The app is not imported: its packages need not be installed, and nothing of it runs. The price: a value that is not a
constant is shown as the expression that stands there, and a function that is made in a loop is one.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ebb.cli.durable_sdk  # noqa: F401 # pyright: ignore[reportUnusedImport] - the first import of that SDK  # isort: skip
import azure.durable_functions as df

from ebb.cli.scale_rules.constants import Constants
from ebb.cli.scale_rules.decorated import decorated
from ebb.cli.scale_rules.modules import Foreign, Names, open_imports, reachable_modules
from ebb.cli.scale_rules.trigger import Trigger

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
    "mcp_tool": "mcpToolTrigger",
    "mcp_tool_trigger": "mcpToolTrigger",
    "mcp_resource_trigger": "mcpResourceTrigger",
    "mcp_prompt_trigger": "mcpPromptTrigger",
    "connector_trigger": "connectorTrigger",
    "generic_trigger": "",  # its `type` argument says
}
_HTTP_APPS = ("AsgiFunctionApp", "WsgiFunctionApp")
_REGISTER = ("register_functions", "register_blueprint")
_IRREGULAR = {"path": "path", "data_type": "dataType"}
_Origin = tuple[Path, str]  # module and name where something is assigned


@dataclass(frozen=True)
class PythonTriggers:
    """The triggers that the Python source of an app shows, and what it leaves open."""

    triggers: tuple[Trigger, ...]
    remarks: tuple[str, ...] = ()


def read_python(folder: Path, script: str = "function_app.py") -> PythonTriggers:
    """The triggers in `script` and in the modules of the folder that it reaches by imports; none without it.

    Raises:
        SettingsError: a module is not valid Python.
    """
    return _Reader(folder, script).read()


class _Reader:
    """Goes through the modules of one app."""

    def __init__(self, folder: Path, script: str) -> None:
        self._folder = folder
        self._modules = reachable_modules(folder, script)
        self._names = Names(folder, self._modules)
        self._constants = Constants(self._names)
        self._registered = self._registrations()

    def read(self) -> PythonTriggers:
        triggers: list[Trigger] = []
        left_out: list[str] = []
        perhaps: list[str] = []
        for path, tree in self._modules.items():
            triggers += self._http_apps(path, tree)
            for name, calls, is_certain in decorated(tree, path, self._names):
                found = self._function(name, calls, path)
                if found is not None and self._counts(calls, path):
                    triggers.append(found)
                    perhaps += [] if is_certain else [found.function]
                elif found is not None:
                    left_out.append(found.function)
        return PythonTriggers(tuple(triggers), tuple(self._remarks(left_out, perhaps)))

    def _remarks(self, left_out: list[str], perhaps: list[str]) -> Iterator[str]:
        if left_out:
            yield f"on a blueprint that nothing registers, so left out: {', '.join(left_out)}"
        if perhaps:
            yield f"in a condition or a loop, so known only at run time whether and how often: {', '.join(perhaps)}"
        for path, tree in self._modules.items():
            for line in open_imports(tree):
                where = f"{path.relative_to(self._folder).as_posix()}:{line}"
                yield f"{where} imports modules by a name that is known only at run time: triggers in them are not seen"

    def _function(self, plain_name: str, calls: list[ast.Call], path: Path) -> Trigger | None:
        names = [self._arguments(call, path) for call in calls if _decorator(call) == "function_name"]
        function = str(names[0].get("name", plain_name)) if names else plain_name
        for call in calls:
            kind = TRIGGERS.get(_decorator(call))
            if kind is None or self._is_foreign(call, path):
                continue
            arguments = self._arguments(call, path)
            kind = kind or str(arguments.pop("type", "genericTrigger"))
            return Trigger(function, kind, arguments, self._where(path, call))
        return None

    def _http_apps(self, path: Path, tree: ast.Module) -> Iterator[Trigger]:
        """`AsgiFunctionApp(...)` and `WsgiFunctionApp(...)` register one function by themselves."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _HTTP_APPS:
                names = ("app", "http_auth_level", "function_name")
                given = dict(zip(names, node.args, strict=False))
                given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
                name = (
                    self._constants.value(given["function_name"], path) if "function_name" in given else "http_app_func"
                )
                yield Trigger(str(name), "httpTrigger", {"route": "/{*route}"}, self._where(path, node))

    def _where(self, path: Path, node: ast.expr) -> str:
        return f"{path.relative_to(self._folder).as_posix()}:{node.lineno}"

    def _is_foreign(self, call: ast.Call, path: Path) -> bool:
        """Whether the decorator is another package's: `@flask_app.route` is not a trigger."""
        origin = self._origin(call, path)
        if isinstance(origin, tuple):
            made_by = self._names.assigned(origin[1], origin[0])
            callee = made_by.func if isinstance(made_by, ast.Call) else made_by
            origin = self._names.origin(callee, origin[0]) if callee is not None else None
        return isinstance(origin, Foreign) and not origin.dotted.startswith("azure.")

    def _counts(self, calls: list[ast.Call], path: Path) -> bool:
        """Whether the function is on an app, or on a blueprint that something registers."""
        for call in calls:
            origin = self._origin(call, path)
            if self._registered is not None and isinstance(origin, tuple) and self._is_blueprint(origin):
                return origin in self._registered
        return True

    def _origin(self, call: ast.Call, path: Path) -> _Origin | Foreign | None:
        return self._names.origin(call.func.value, path) if isinstance(call.func, ast.Attribute) else None

    def _is_blueprint(self, origin: _Origin) -> bool:
        made_by = self._names.assigned(origin[1], origin[0])
        return isinstance(made_by, ast.Call) and ast.unparse(made_by.func).split(".")[-1] == "Blueprint"

    def _registrations(self) -> set[_Origin] | None:
        """The blueprints that are registered somewhere; None where one cannot be told: then all count."""
        found: set[_Origin] = set()
        for path, tree in self._modules.items():
            for node in ast.walk(tree):
                if not (isinstance(node, ast.Call) and _decorator(node) in _REGISTER):
                    continue
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                origin = self._names.origin(given[0], path) if given else None
                if not isinstance(origin, tuple) or not self._is_blueprint(origin):
                    return None
                found.add(origin)
        return found

    def _arguments(self, call: ast.Call, path: Path) -> dict[str, Any]:
        """The call's arguments under the names of `function.json`; positional ones by the SDK's own signature."""
        names = [name for name in inspect.signature(getattr(df.DFApp, _decorator(call))).parameters if name != "self"]
        values: dict[str, Any] = {}
        positional: list[Any] = []
        for node in call.args:
            value = self._constants.value(node.value if isinstance(node, ast.Starred) else node, path)
            if not isinstance(node, ast.Starred):
                positional.append(value)
            elif isinstance(value, list | tuple):
                positional += value
            else:
                values["options"] = value  # what comes after it has no known place
                break
        values |= dict(zip(names, positional, strict=False))
        for keyword in call.keywords:
            value = self._constants.value(keyword.value, path)
            values |= {keyword.arg: value} if keyword.arg else value if isinstance(value, dict) else {"options": value}
        return {_binding_name(str(name)): value for name, value in values.items() if value is not None}


def _decorator(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _binding_name(argument: str) -> str:
    """`queue_name` is `queueName` in `function.json`."""
    return _IRREGULAR.get(argument) or re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), argument)
