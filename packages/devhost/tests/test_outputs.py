"""Output bindings: where their values go, and that an error of one is a failure of its function."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.storage.queue.aio import QueueClient

from devhost import Host, ManualClock
from tests.azurite import Azurite

CONNECTION = "DevhostTestStorage"
UNSET = "%NO_SUCH_SETTING%"


@pytest.fixture
def queue(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CONNECTION, azurite.connection_string)
    return f"devhost-{uuid.uuid4().hex[:8]}"


def _new_app() -> df.DFApp:
    return df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


async def _texts(azurite: Azurite, queue: str) -> list[str]:
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        return [base64.b64decode(message.content).decode() async for message in client.receive_messages()]


async def _answer(app: df.DFApp, path: str) -> tuple[int, str]:
    async with Host(app) as host, host.http.get(path) as response:
        return response.status, await response.text()


async def test_c88_schedule_goes_on_after_an_output_that_cannot_be_written() -> None:
    app, runs = _new_app(), []

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    @app.queue_output(arg_name="out", queue_name=UNSET, connection=CONNECTION)
    async def tick(timer: func.TimerRequest, out: func.Out[str]) -> None:
        runs.append(timer.past_due)
        out.set("x")

    async with Host(app, clock=ManualClock()) as host:
        await host.run_until(timedelta(hours=3, minutes=1))
    assert len(runs) == 3


async def test_c84_output_that_cannot_be_written_is_500_without_body() -> None:
    app = _new_app()

    @app.route(route="write")
    @app.queue_output(arg_name="out", queue_name=UNSET, connection=CONNECTION)
    async def write(req: func.HttpRequest, out: func.Out[str]) -> str:
        out.set("x")
        return "ok"

    assert await _answer(app, "/api/write") == (500, "")


@pytest.mark.parametrize("returned", [None, {"a": 1}])
async def test_c84_answer_that_cannot_be_sent_is_500_without_body(returned: Any) -> None:
    app = _new_app()

    @app.route(route="odd")
    async def odd(req: func.HttpRequest):
        return returned

    assert await _answer(app, "/api/odd") == (500, "")


async def test_named_http_output_is_the_answer() -> None:
    app = _new_app()

    @app.route(route="named", binding_arg_name="foo")
    async def named(req: func.HttpRequest, foo: func.Out[func.HttpResponse]) -> None:
        foo.set(func.HttpResponse("hello", status_code=201))

    assert await _answer(app, "/api/named") == (201, "hello")


async def test_return_binding_that_is_not_supported_fails_its_function() -> None:
    app, runs = _new_app(), []

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    @app.blob_output(arg_name="$return", path="a/b", connection=CONNECTION)
    async def tick(timer: func.TimerRequest) -> str:
        runs.append(1)
        return "x"

    async with Host(app, clock=ManualClock()) as host:
        await host.run_until(timedelta(hours=1, minutes=1))
    assert runs == []


async def test_value_of_a_return_binding_is_sent(azurite: Azurite, queue: str) -> None:
    app = _new_app()

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    @app.queue_output(arg_name="$return", queue_name=queue, connection=CONNECTION)
    async def tick(timer: func.TimerRequest) -> str:
        return "returned"

    async with Host(app, clock=ManualClock()) as host:
        await host.run_until(timedelta(hours=1, minutes=1))
    assert await _texts(azurite, queue) == ["returned"]


async def test_activity_may_have_an_output_and_a_durable_client(azurite: Azurite, queue: str) -> None:
    app = _new_app()

    @app.activity_trigger(input_name="value")
    @app.queue_output(arg_name="out", queue_name=queue, connection=CONNECTION)
    @app.durable_client_input(client_name="client")
    async def tells(value: str, out: func.Out[str], client: df.DurableOrchestrationClient) -> str:
        out.set(value)
        return (await client.get_status("one")).instance_id or ""

    @app.orchestration_trigger(context_name="context")
    def asks(context: df.DurableOrchestrationContext):
        return (yield context.call_activity("tells", "told"))

    async with Host(app) as host:
        await host.client.start_new("asks", "one")
        assert (await host.wait_for("one"))["output"] == "one"
    assert await _texts(azurite, queue) == ["told"]


async def test_c91_message_whose_output_cannot_be_written_lands_in_poison(azurite: Azurite, queue: str) -> None:
    app, runs = _new_app(), []

    @app.queue_trigger(arg_name="message", queue_name=queue, connection=CONNECTION)
    @app.queue_output(arg_name="out", queue_name=UNSET, connection=CONNECTION)
    async def consume(message: func.QueueMessage, out: func.Out[str]) -> None:
        runs.append(1)
        out.set("x")

    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        await client.send_message(base64.b64encode(b"bad").decode())
        async with Host(app) as host:

            async def is_poisoned() -> bool:
                return len(runs) == 5 and (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_poisoned)
    assert await _texts(azurite, f"{queue}-poison") == ["bad"]
