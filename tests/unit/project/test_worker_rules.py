"""What the Functions worker demands of the app when it loads it, and no local host tells.

Source: the Python worker's functions registry; a parameter bound to a trigger may be annotated with a class or with
something of `typing`, but not with a subscripted built-in such as `dict[str, Any]`: one such function, and none loads.
"""

from __future__ import annotations

import inspect
import typing
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from composition import BOUND, build_app
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


def test_an_app_that_lets_everybody_in_opens_no_route_of_ebb_but_the_probe() -> None:
    """Routes without a level of their own take that of the app that they are registered on."""
    app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    services = Services(Schedules({"job": SETTINGS}), MemoryStore(), environment={})
    for module in BOUND:
        app.register_functions(module.blueprint(services))
    open_routes = {
        function.get_function_name()
        for function in app.get_functions()
        for binding in function.get_dict_repr()["bindings"]
        if binding["type"] == "httpTrigger" and binding["authLevel"] == func.AuthLevel.ANONYMOUS
    }
    assert open_routes == {"health"}


@pytest.mark.parametrize("module", BOUND, ids=lambda module: module.__name__)
def test_only_what_needs_durable_is_on_a_durable_blueprint(module: Any) -> None:
    blueprint = module.blueprint(Services(Schedules({"job": SETTINGS}), MemoryStore(), environment={}))
    app = df.DFApp()
    app.register_functions(blueprint)
    kinds = {binding.type for function in app.get_functions() for binding in function.get_bindings()}
    needs = bool(kinds & {"durableClient", "activityTrigger", "orchestrationTrigger"})
    assert isinstance(blueprint, df.Blueprint) is needs


def test_names_are_unique_and_plain() -> None:
    names = [function.get_function_name() for function in FUNCTIONS]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names), names
