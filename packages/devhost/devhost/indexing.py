"""Loads an app with the real SDK and lists its functions."""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.functions import FunctionRegister

from devhost.errors import AppError
from devhost.failures import account_of, reason_of, traceback_of
from devhost.own_folder import own_folder_first
from devhost.parameters import check_context_only, check_parameters
from devhost.supported import TRIGGERS

log = logging.getLogger("devhost.indexing")

_SCRIPT_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_\-]*\.py")
"""What the worker takes as PYTHON_SCRIPT_FILE_NAME (azure_functions_worker/utils/common.py)."""

_DURABLE_NAME = {"orchestrationTrigger": "orchestration", "activityTrigger": "activity", "entityTrigger": "entityName"}


@dataclass(frozen=True)
class Function:
    """One function of the app, as the host sees it."""

    name: str
    trigger: dict[str, Any]
    bindings: tuple[dict[str, Any], ...]
    user_function: Callable[..., Any]
    disabled: bool = False

    @property
    def kind(self) -> str:
        """The trigger's type, for example `activityTrigger`."""
        return self.trigger["type"]

    @property
    def durable_name(self) -> str:
        """The name under which orchestrations know it."""
        return self.trigger.get(_DURABLE_NAME.get(self.kind, "")) or self.name

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.user_function)


@dataclass(frozen=True)
class Functions:
    """All functions of an app; durable names are found without regard to case."""

    all: tuple[Function, ...]
    _durable: dict[tuple[str, str], Function] = field(default_factory=dict[tuple[str, str], Function], compare=False)

    def __post_init__(self) -> None:
        for function in self.enabled():
            if function.kind in _DURABLE_NAME:
                known = self._durable.setdefault((function.kind, function.durable_name.lower()), function)
                if known is not function:
                    raise AppError(
                        f"functions '{known.name}' and '{function.name}' have one durable name, "
                        f"'{function.durable_name}'; give each its own"
                    )

    def enabled(self, kind: str | None = None) -> list[Function]:
        """The functions that are not disabled, of one trigger type if given."""
        return [one for one in self.all if not one.disabled and kind in (None, one.kind)]

    def durable(self, kind: str, name: str) -> Function | None:
        """Find an orchestrator, activity or entity by its durable name."""
        return self._durable.get((kind, name.lower()))

    def missing(self, kind: str, name: str) -> str:
        """Say that `name` is not there, in the words of the Durable extension."""
        word = {"orchestrationTrigger": "orchestrator", "activityTrigger": "activity", "entityTrigger": "entity"}[kind]
        known = ", ".join(f"'{one.durable_name}'" for one in self.enabled(kind))
        listing = f"The following are the known {word} functions: {known}."
        return f"The function '{name}' doesn't exist, is disabled, or is not an {word} function. Additional info: " + (
            listing if known else f"No {word} functions are currently registered!"
        )


def load_app(script_root: Path, environment: Mapping[str, str]) -> FunctionRegister:
    """Import the app's module from `script_root` and return its one app object.

    The folder goes to the front of `sys.path` and becomes the current one, as in the language worker; the module keeps
    its name, because serialised objects record it.

    Raises:
        AppError: there is no such file, it fails to import, or it holds no app object or more than one.
    """
    file_name = environment.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not _SCRIPT_NAME.fullmatch(file_name):
        raise AppError(f"Invalid file name: {file_name} (PYTHON_SCRIPT_FILE_NAME; letters, digits, _ and -, and .py)")
    if not (script_root / file_name).is_file():
        raise AppError(_missing_script(script_root, file_name))
    name = Path(file_name).stem
    if name in sys.stdlib_module_names and name in sys.modules:
        raise AppError(
            f"Could not find top level function app instances in {file_name}: {name} is a module of Python itself, "
            "which is imported instead; give the file another name"
        )
    # A host that ran before in this process may have left another app's module of this name.
    sys.modules.pop(name, None)
    os.chdir(script_root)
    sys.path.insert(0, str(script_root))
    own_folder_first(script_root)
    try:
        module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the app raises, SystemExit included, is shown to its author
        raise AppError(f"{file_name} failed to import: {account_of(error)}") from error
    # Names are counted, as in the worker: one app under two names is refused there too.
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        names = [name for name, value in vars(module).items() if isinstance(value, FunctionRegister)]
        named = f" ({', '.join(names)})" if names else ""
        raise AppError(f"{file_name} must hold exactly one FunctionApp or DFApp at top level, found {len(apps)}{named}")
    return apps[0]


def _missing_script(script_root: Path, file_name: str) -> str:
    older = sorted(str(path.relative_to(script_root)) for path in script_root.glob("*/function.json"))
    if not older:
        return f"no {file_name} in {script_root}; give the app's folder with --script-root"
    return (
        f"{script_root} is an app of the v1 model: it has no {file_name}, but {', '.join(older)}. The devhost serves "
        "the v2 model only (functions declared by decorators); how to move over: "
        "https://learn.microsoft.com/azure/azure-functions/functions-reference-python?pivots=python-mode-decorators"
    )


def list_functions(app: FunctionRegister, environment: Mapping[str, str]) -> Functions:
    """Index the app once and describe its functions.

    Raises:
        AppError: the SDK refuses the app, for example because two functions have one name, or Azure would refuse it.
    """
    try:
        built = _build_once(app)
    except Exception as error:  # the SDK's own errors have many types
        raise AppError(f"the app cannot be indexed: {reason_of(error)}\n{traceback_of(error)}") from error
    return Functions(tuple(_describe(function, environment) for function in built))


def _build_once(app: FunctionRegister) -> list[Any]:
    # The SDK refuses a second get_functions() on one app object; a test may run several hosts on it.
    built = getattr(app, "_devhost_functions", None)
    if built is None:
        built = app.get_functions()
        app._devhost_functions = built  # type: ignore[attr-defined]  # kept beside the app that it describes
    return built


def _describe(built: Any, environment: Mapping[str, str]) -> Function:
    name = built.get_function_name()
    bindings = tuple(json.loads(text) for text in built.get_raw_bindings())
    trigger = next(one for one in bindings if one["type"] == built.get_trigger().type)
    if trigger["type"] in ("orchestrationTrigger", "entityTrigger"):
        check_context_only(name, trigger, bindings)
    else:
        check_parameters(name, built.get_user_function(), bindings)
    if trigger["type"] not in TRIGGERS:
        log.warning("function %s: the devhost has no %s, so nothing runs it here", name, trigger["type"])
    disabled = environment.get(f"AzureWebJobs.{name}.Disabled", environment.get(f"AzureWebJobs_{name}_Disabled", ""))
    if trigger["type"] == "orchestrationTrigger" and trigger["name"] != "context":
        log.warning("orchestrator %s names its context %r; Azure only accepts 'context'", name, trigger["name"])
    client_function = getattr(built.get_user_function(), "client_function", None)
    if client_function is not None and not inspect.iscoroutinefunction(client_function):
        log.warning("function %s has a durable client and is not `async def`: the SDK cannot call it", name)
    return Function(name, trigger, bindings, built.get_user_function(), disabled.lower() in ("true", "1"))
