"""Who may call, through the whole app: by sign-in with roles, or read-only."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from composition import build_app
from devhost.host import Host
from devhost.settings import HostSettings
from ebb.core.access import Access, Mode
from ebb.services import Services
from ebb.store.memory import MemoryStore
from tests.integration.control.hub import Hub, schedules

FREE = {"health", "dashboard"}


def signed_in(*roles: str) -> dict[str, str]:
    claims = {"claims": [{"typ": "roles", "val": role} for role in roles]}
    encoded = base64.b64encode(json.dumps(claims).encode()).decode()
    return {"x-ms-client-principal": encoded, "x-ms-client-principal-name": "ann@example.org"}


@asynccontextmanager
async def _hub(access: Access) -> AsyncIterator[Hub]:
    hub = Hub(schedules())
    environment = {"EbbAccess": access.mode.value}
    hub.services = Services(hub.services.schedules, MemoryStore(), environment=environment, access=access)
    hub.host = Host(build_app(hub.services), settings=HostSettings(hub_name="HubA"))
    async with hub:
        yield hub


async def test_every_route_asks_for_a_role_once_the_host_asks_for_no_key() -> None:
    async with _hub(Access(Mode.EASY_AUTH)) as hub:
        asked: set[str] = set()
        for function in hub.host.functions.enabled("httpTrigger"):
            assert function.trigger["authLevel"].lower() == "anonymous"
            path = function.trigger["route"].replace("{name}", "parity").replace("{cycle}", "1").replace("{id}", "a")
            if function.name in FREE:
                continue
            for verb in function.trigger["methods"]:
                body = {} if verb != "GET" else None
                headers = {"Content-Type": "application/json"}
                status, problem, _ = await hub.call(verb, path, body, headers)
                assert (status, problem["code"]) == (401, "notSignedIn"), function.name
                status, problem, _ = await hub.call(verb, path, body, {**headers, **signed_in("Other")})
                assert (status, problem["code"]) == (403, "notAllowed"), function.name
            asked.add(function.name)
        assert {"list_schedules", "stop_schedule", "purge_poison", "openapi", "get_access", "try_plan"} <= asked


async def test_app_with_keys_leaves_them_to_the_host_for_all_but_two_routes(hub: Hub) -> None:
    functions = hub.host.functions.enabled("httpTrigger")
    assert {each.name for each in functions if each.trigger["authLevel"].lower() != "function"} == FREE


async def test_reader_looks_and_tries_plans_and_operator_acts() -> None:
    json_too = {"Content-Type": "application/json"}
    async with _hub(Access(Mode.EASY_AUTH)) as hub:
        reader, operator = ({**signed_in(f"Ebb.{role}"), **json_too} for role in ("Reader", "Operator"))
        assert (await hub.call("GET", "schedules", None, reader))[0] == 200
        assert (await hub.call("POST", "schedules/parity/plan", {}, reader))[0] == 200
        assert (await hub.call("POST", "schedules/parity/start", {}, reader))[0] == 403
        assert (await hub.call("POST", "schedules/parity/start", {}, operator))[0] == 202
        assert (await hub.call("GET", "schedules/parity", None, reader))[1]["changedBy"] == "ann@example.org"
        _, mine, _ = await hub.call("GET", "access", None, reader)
        assert (mine["mode"], mine["who"], mine["mayChange"]) == ("easyAuth", "ann@example.org", False)
        assert (await hub.call("GET", "access", None, operator))[1]["mayChange"] is True


async def test_read_only_app_says_so_and_changes_nothing() -> None:
    async with _hub(Access(read_only=True)) as hub:
        status, problem, _ = await hub.call("POST", "schedules/parity/start", {})
        assert (status, problem["code"]) == (403, "readOnly")
        assert (await hub.schedule())["state"] == "stopped"
        _, mine, _ = await hub.call("GET", "access")
        assert (mine["mayChange"], mine["readOnly"]) == (False, True)
