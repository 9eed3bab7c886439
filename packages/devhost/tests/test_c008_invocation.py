"""Conformance 8 to 16: how user functions are called."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host
from devhost.settings import HostSettings

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
release = threading.Event()
places: list[Any] = []
overlap = {"now": 0, "most": 0}


class Point:
    """A class that brings its own JSON."""

    def __init__(self, x: int) -> None:
        self.x = x

    @staticmethod
    def to_json(point: Point) -> str:
        return str(point.x)

    @staticmethod
    def from_json(text: str) -> Point:
        return Point(int(text))


@app.route(route="client")
@app.durable_client_input(client_name="client")
async def with_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    return func.HttpResponse(type(client).__name__)


@app.route(route="context")
async def with_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(f"{context.function_name} {context.invocation_id}")


@app.route(route="hello")
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("hello")


@app.activity_trigger(input_name="value")
def blocks(value: str) -> str:
    release.wait(10)
    return value


@app.activity_trigger(input_name="value")
async def on_the_loop(value: str) -> str:
    places.append((threading.current_thread(), asyncio.get_running_loop()))
    return value


@app.activity_trigger(input_name="value")
def counts_itself(value: str) -> str:
    overlap["now"] += 1
    overlap["most"] = max(overlap["most"], overlap["now"])
    time.sleep(0.15)
    overlap["now"] -= 1
    return value


@app.activity_trigger(input_name="value")
def gives_a_time(value: str) -> Any:
    return datetime(2026, 1, 1, tzinfo=UTC)


@app.activity_trigger(input_name="value")
def gives_nothing(value: str) -> None:
    return None


@app.activity_trigger(input_name="point")
def moves(point: Point) -> Point:
    return Point(point.x + 1)


@app.activity_trigger(input_name="value")
def shows(value: Any) -> str:
    return repr(value)


@app.activity_trigger(input_name="value")
async def never_ends(value: str) -> str:
    await asyncio.sleep(60)
    return value


@app.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext):
    given = context.get_input()
    tasks = [context.call_activity(given["activity"], given.get("value")) for _ in range(given.get("times", 1))]
    results = yield context.task_all(tasks)
    return results[0]


@app.orchestration_trigger(context_name="context")
def custom_class(context: df.DurableOrchestrationContext):
    moved = yield context.call_activity("moves", Point(4))
    return [type(moved).__name__, moved.x]


async def _call(host: Host, activity: str, **given: Any) -> dict[str, Any]:
    return await host.wait_for(await host.client.start_new("calls", None, {"activity": activity, **given}))


async def test_c08_client_function_gets_a_real_client() -> None:
    async with Host(app) as host, host.http.get("/api/client") as response:
        assert await response.text() == "DurableOrchestrationClient"


async def test_c09_blocking_activity_does_not_block_requests() -> None:
    release.clear()
    async with Host(app) as host:
        instance_id = await host.client.start_new("calls", None, {"activity": "blocks", "value": "x"})
        async with host.http.get("/api/hello") as response:
            assert await response.text() == "hello"
        assert instance_id in host.engine.live
        release.set()
        assert (await host.wait_for(instance_id))["output"] == "x"


async def test_c10_async_activity_runs_on_the_event_loop() -> None:
    async with Host(app) as host:
        await _call(host, "on_the_loop")
    assert places == [(threading.main_thread(), asyncio.get_running_loop())]


@pytest.mark.parametrize(("threads", "most"), [("1", 1), ("4", 2)])
async def test_c11_thread_count_limits_sync_activities(
    threads: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_THREADPOOL_THREAD_COUNT", threads)
    overlap.update(now=0, most=0)
    async with Host(app) as host:
        await _call(host, "counts_itself", times=2)
    assert overlap["most"] == most


async def test_c12_input_that_is_text_stays_text() -> None:
    async with Host(app) as host:
        assert (await _call(host, "shows", value="plain"))["output"] == "'plain'"
        assert (await _call(host, "shows", value={"x": 1}))["output"] == "{'x': 1}"
        assert (await _call(host, "shows"))["output"] == "None"


async def test_c13_result_that_is_no_json_fails_the_activity_only() -> None:
    async with Host(app) as host:
        status = await _call(host, "gives_a_time")
        assert status["runtimeStatus"] == "Failed"
        assert "activity trigger output must be json serializable" in status["output"]
        assert (await _call(host, "shows", value=1))["output"] == "1"


async def test_c14_activity_that_returns_none_gives_none() -> None:
    async with Host(app) as host:
        assert (await _call(host, "gives_nothing"))["output"] is None


async def test_c15_custom_class_survives_both_ways() -> None:
    async with Host(app) as host:
        status = await host.wait_for(await host.client.start_new("custom_class"))
    assert status["output"] == ["Point", 5]


async def test_c16_context_parameter_carries_the_invocation_id() -> None:
    async with Host(app) as host, host.http.get("/api/context") as response:
        name, invocation_id = (await response.text()).split()
    assert name == "with_context"
    assert len(invocation_id) == 36


async def test_function_timeout_fails_the_activity() -> None:
    settings = HostSettings(function_timeout=timedelta(seconds=0.05))
    async with Host(app, settings=settings) as host:
        status = await _call(host, "never_ends")
    assert "FunctionTimeoutException: Timeout value of" in status["output"]
