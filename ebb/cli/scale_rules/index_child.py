"""Runs in a process of its own, with the app's own packages: imports the app as the worker does, lists its functions.

    python index_child.py FOLDER SCRIPT RESULT          (RESULT is a file that gets the answer as JSON)

This file imports nothing of ours, because the app's folder and environment are what it has to see. What is an app
follows the worker (azure-functions-python-worker, loader.index_function_app): one object that is a FunctionRegister.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from contextlib import chdir, suppress
from enum import Enum
from pathlib import Path
from typing import Any

LONGEST = 200  # characters of an error


def functions_of(folder: Path, script: str) -> list[dict[str, Any]]:
    """Name, trigger, properties and place of each function.

    Raises:
        Exception: whatever the app's code raises; ValueError where there is not one app.
    """
    from azure.functions import FunctionRegister

    with suppress(ImportError), chdir(Path(__file__).parent):
        # On import it reads the current folder's host.json as strict JSON; the host takes comments there.
        importlib.import_module("azure.durable_functions")
    module = importlib.import_module(Path(script).stem)
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise ValueError(f"{script} has {len(apps)} top level function apps, and must have one")
    return [_entry(function, folder) for function in apps[0].get_functions()]


def _entry(function: Any, folder: Path) -> dict[str, Any]:
    binding = function.get_trigger().get_dict_repr()
    properties = {key: _plain(value) for key, value in binding.items() if key not in ("type", "direction", "name")}
    return {
        "function": function.get_function_name(),
        "type": function.get_trigger().type,
        "properties": {key: value for key, value in properties.items() if value is not None},
        "where": _place(function.get_user_function(), folder),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return str(value) if not isinstance(value.value, str) else value.value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _place(function: Any, folder: Path) -> str:
    """File and line, for functions that the folder holds."""
    original = inspect.unwrap(getattr(function, "client_function", function))
    code = getattr(original, "__code__", None)
    if code is None or not Path(code.co_filename).resolve().is_relative_to(folder.resolve()):
        return ""
    return f"{Path(code.co_filename).resolve().relative_to(folder.resolve()).as_posix()}:{code.co_firstlineno}"


def _said(error: BaseException) -> str:
    """The error without what it may hold of the app's settings: its text only where Python or the SDK wrote it."""
    name = type(error).__name__
    if isinstance(error, ImportError | SyntaxError | KeyError | NameError | AttributeError | ValueError | TypeError):
        first = str(error).partition("\n")[0]
        shown = first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"
        return f"{name}: {shown}" if first else name
    return name


def _main(folder: Path, script: str, result: Path) -> None:
    os.chdir(folder)
    sys.path[0] = str(folder)
    sys.stdout = sys.stderr  # what the app prints is not an answer
    try:
        import azure.functions

        version = getattr(azure.functions, "__version__", "of an unknown version")
        answer: dict[str, Any] = {"sdk": version, "functions": functions_of(folder, script)}
    except BaseException as error:  # noqa: BLE001 - an app may raise anything, and may end itself while it is imported
        answer = {"error": _said(error)}
    result.write_text(json.dumps(answer))
    os._exit(0)  # threads that the app started must not hold this process


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
