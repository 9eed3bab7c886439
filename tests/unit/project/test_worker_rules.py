"""What the Functions worker demands of the app when it loads it, and no local host tells.

Source: the Python worker's functions registry; a parameter bound to a trigger may be annotated with a class or with
something of `typing`, but not with a subscripted built-in such as `dict[str, Any]`: one such function, and none loads.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any

import pytest

from composition import build_app
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.store.memory import MemoryStore

SETTINGS = {"source": {"type": "memory"}, "handler": "handlers.noop:handle"}
FUNCTIONS = build_app(Services(Schedules({"job": SETTINGS}), MemoryStore(), environment={})).get_functions()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.get_function_name())
def test_annotations_and_parameters_are_what_the_worker_loads(function: Any) -> None:
    user = function.get_user_function()
    bound = {binding.name for binding in function.get_bindings() if binding.name != "$return"}
    assert set(inspect.signature(user).parameters) == bound
    for name, hint in typing.get_type_hints(user).items():
        if name in bound:
            assert isinstance(hint, type) or hint.__module__ == "typing", f"{name}: {hint}"


def test_names_are_unique_and_plain() -> None:
    names = [function.get_function_name() for function in FUNCTIONS]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names), names
