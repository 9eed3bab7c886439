"""Ebb on an app that exists: every route says its own key requirement, and names may get a prefix."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.functions.decorators.function_app import FunctionRegister

from composition import register
from ebb.api.requests import address_of
from ebb.core.errors import SettingsError
from ebb.core.names import CLOSE_CYCLE, ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.store.memory import MemoryStore

SETTINGS = {"source": {"type": "memory"}, "handler": "handlers.noop:handle"}
OPEN = {"health"}  # routes without a key


def registered(app: FunctionRegister, prefix: str = "") -> dict[str, dict[str, Any]]:
    """The trigger binding of each function of `app` once Ebb is registered on it."""
    register(app, Services(Schedules({"job": SETTINGS}), MemoryStore(), environment={}, prefix=prefix))
    return {one.get_function_name(): one.get_trigger().get_dict_repr() for one in app.get_functions()}


@pytest.mark.parametrize(
    "app",
    [
        func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS),
        df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS),
        func.FunctionApp(),
    ],
    ids=["plain and anonymous", "durable and anonymous", "plain"],
)
def test_no_route_takes_the_apps_key_requirement(app: FunctionRegister) -> None:
    routes = {name: one for name, one in registered(app).items() if one["type"] == "httpTrigger"}
    assert len(routes) > 12
    levels = {name: str(getattr(one["authLevel"], "value", one["authLevel"])).upper() for name, one in routes.items()}
    assert levels == {name: "ANONYMOUS" if name in OPEN else "FUNCTION" for name in routes}


def test_prefix_is_of_what_the_cycle_does_not_call() -> None:
    plain, prefixed = registered(func.FunctionApp()), registered(func.FunctionApp(), "ebb")
    cycle = {ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG, CLOSE_CYCLE}
    assert prefixed.keys() == {name if name in cycle else f"ebb_{name}" for name in plain}
    for name, binding in plain.items():
        if "route" in binding:
            assert prefixed[f"ebb_{name}"]["route"] == f"ebb/{binding['route']}"


@pytest.mark.parametrize("prefix", ["Ebb", "2", "a-b", "a/b", "a" * 33, "{x}"])
def test_prefix_that_cannot_be_part_of_a_name_is_refused(prefix: str) -> None:
    with pytest.raises(SettingsError, match="small letters and digits"):
        registered(func.FunctionApp(), prefix)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://a.test/api/schedules/job/start", "http://a.test/api"),
        ("http://a.test/api/ebb/schedules/job/start?code=1", "http://a.test/api/ebb"),
        ("http://a.test/schedules/job/start", "http://a.test"),
        ("http://a.test/api/schedules/schedules/start/", "http://a.test/api"),
    ],
)
def test_address_of_the_api_has_the_prefix(url: str, address: str) -> None:
    assert address_of(func.HttpRequest("POST", url, body=b"")) == address
