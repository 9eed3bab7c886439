"""Conformance 40 to 48: external events."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.errors import OperationError
from devhost.settings import HostSettings
from devhost.status import Show

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def busy_then_listen(context: df.DurableOrchestrationContext):
    """Take as many events as the input says, with a pause of ten seconds before each wait."""
    found = []
    for _ in range(context.get_input()["events"]):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
        found.append((yield context.wait_for_external_event("X")))
    return found


@app.orchestration_trigger(context_name="context")
def listen(context: df.DurableOrchestrationContext):
    return (yield context.wait_for_external_event("X"))


@app.orchestration_trigger(context_name="context")
def one_then_two(context: df.DurableOrchestrationContext):
    """Consume one event at once, and two more that arrive during a pause."""
    first = yield context.wait_for_external_event("X")
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
    second = yield context.wait_for_external_event("X")
    third = yield context.wait_for_external_event("X")
    return [first, second, third]


@app.orchestration_trigger(context_name="context")
def generations(context: df.DurableOrchestrationContext):
    """Take one event per generation, three in all, with a pause before each continue-as-new."""
    found = context.get_input() or []
    found.append((yield context.wait_for_external_event("X")))
    if len(found) == 3:
        return found
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
    context.continue_as_new(found)
    return None


def _given(**values: Any) -> str:
    return json.dumps(values)


async def test_c40_event_raised_before_the_wait_is_found_by_it() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("busy_then_listen", "one", _given(events=1))
        await host.operations.raise_event("one", "X", '{"a": 1}')
        status = await host.wait_for("one")
    assert status["output"] == [{"a": 1}]


async def test_c41_event_for_unknown_or_ended_instance_is_refused() -> None:
    async with Host(app, clock=ManualClock()) as host:
        async with host.http.post("/runtime/webhooks/durabletask/instances/nobody/raiseEvent/X", json=1) as response:
            assert response.status == 404
        await host.operations.start("listen", "one")
        await host.operations.raise_event("one", "X", "1")
        await host.wait_for("one")
        async with host.http.post("/runtime/webhooks/durabletask/instances/one/raiseEvent/X", json=1) as response:
            assert response.status == 410
            assert await response.read() == b""
        with pytest.raises(OperationError, match="nobody"):
            await host.operations.raise_event("nobody", "X", "1")


async def test_c42_event_for_pending_instance_is_kept() -> None:
    async with Host(app, clock=ManualClock()) as host:
        host.engine.create("listen", "one", None, None)
        assert host.engine.live["one"].status.name == "Pending"
        await host.operations.raise_event("one", "X", '"early"')
        status = await host.wait_for("one")
    assert status["output"] == "early"


async def test_c43_event_names_are_case_sensitive() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("listen", "one")
        await host.operations.raise_event("one", "x", "1")
        await host.run_until(timedelta(seconds=1))
        assert host.operations.status("one", Show())["runtimeStatus"] == "Running"
        await host.operations.raise_event("one", "X", "2")
        assert (await host.wait_for("one"))["output"] == 2


async def test_c44_python_client_event_arrives_as_text_and_api_event_as_object() -> None:
    async with Host(app, clock=ManualClock()) as host:
        for instance_id in ("client", "api"):
            await host.operations.start("listen", instance_id)
        await host.client.raise_event("client", "X", {"a": 1})
        url = "/runtime/webhooks/durabletask/instances/api/raiseEvent/X"
        async with host.http.post(url, json={"a": 1}) as response:
            assert response.status == 202
        assert (await host.wait_for("client"))["output"] == '{"a": 1}'
        assert (await host.wait_for("api"))["output"] == {"a": 1}


async def test_c45_event_without_data_arrives_as_text_null() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("listen", "one")
        await host.client.raise_event("one", "X")
        assert (await host.wait_for("one"))["output"] == "null"


async def test_c46_buffered_events_show_the_known_fault_of_the_sdk() -> None:
    async with Host(app, clock=ManualClock()) as host:
        assert await _three_events(host) == [1, 3, 3]


async def test_c47_held_back_events_arrive_each_once() -> None:
    settings = HostSettings(hold_back_events=True)
    async with Host(app, clock=ManualClock(), settings=settings) as host:
        assert await _three_events(host) == [1, 2, 3]


async def _three_events(host: Host) -> Any:
    await host.operations.start("one_then_two", "one")
    for value in "123":
        await host.operations.raise_event("one", "X", value)
    return (await host.wait_for("one"))["output"]


async def test_c48_held_back_events_survive_continue_as_new_in_order() -> None:
    settings = HostSettings(hold_back_events=True)
    async with Host(app, clock=ManualClock(), settings=settings) as host:
        await host.operations.start("generations", "one")
        for value in "123":
            await host.operations.raise_event("one", "X", value)
        assert (await host.wait_for("one"))["output"] == [1, 2, 3]


async def test_c48_events_not_held_back_are_lost_at_continue_as_new() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("generations", "one")
        for value in "123":
            await host.operations.raise_event("one", "X", value)
        await host.run_until(timedelta(minutes=5))
        assert host.operations.status("one", Show())["runtimeStatus"] == "Running"


async def test_many_events_at_once_are_each_one_episode() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("busy_then_listen", "one", _given(events=1))
        for value in range(20):
            await host.operations.raise_event("one", "X", str(value))
        await host.wait_for("one")
        history = host.store.history("one")
    kinds = [event["EventType"] for event in history]
    assert kinds.count(15) == 20
    for index, kind in enumerate(kinds):
        if kind == 15:
            assert kinds[index + 1] in (13, 1)
