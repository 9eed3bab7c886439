"""Conformance 91: queue triggers against a real storage emulator."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.storage.queue.aio import QueueClient

from devhost import Host
from devhost.settings import HostSettings, QueueSettings
from tests.azurite import Azurite

CONNECTION = "DevhostTestStorage"


def _app(queue: str, seen: list[Any], *, fails: bool) -> df.DFApp:
    app = df.DFApp()

    @app.queue_trigger(arg_name="message", queue_name=queue, connection=CONNECTION)
    @app.queue_output(arg_name="out", queue_name=f"{queue}-out", connection=CONNECTION)
    async def consume(message: func.QueueMessage, out: func.Out[str]) -> None:
        seen.append((message.get_body().decode(), message.dequeue_count))
        if fails:
            raise ValueError("cannot digest")
        out.set(message.get_body().decode().upper())

    return app


@pytest.fixture
def queue(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CONNECTION, azurite.connection_string)
    return f"devhost-{uuid.uuid4().hex[:8]}"


async def _texts(azurite: Azurite, queue: str) -> list[str]:
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        return [base64.b64decode(message.content).decode() async for message in client.receive_messages()]


async def test_c91_message_that_fails_five_times_lands_in_poison(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        await client.send_message(base64.b64encode(b"bad").decode())
        async with Host(_app(queue, seen, fails=True)) as host:

            async def is_poisoned() -> bool:
                return len(seen) == 5 and (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_poisoned)
    assert seen == [("bad", attempt) for attempt in range(1, 6)]
    assert await _texts(azurite, f"{queue}-poison") == ["bad"]


async def test_messages_are_handled_deleted_and_their_outputs_sent(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    async with QueueClient.from_connection_string(azurite.connection_string, queue) as client:
        await client.create_queue()
        for number in range(3):
            await client.send_message(base64.b64encode(f"m{number}".encode()).decode())
        async with Host(_app(queue, seen, fails=False)) as host:

            async def is_empty() -> bool:
                return (await client.get_queue_properties()).approximate_message_count == 0

            await host.run_until(is_empty)
    assert sorted(text for text, _ in seen) == ["m0", "m1", "m2"]
    assert sorted(await _texts(azurite, f"{queue}-out")) == ["M0", "M1", "M2"]


async def test_queue_function_can_be_run_by_hand(azurite: Azurite, queue: str) -> None:
    seen: list[Any] = []
    settings = HostSettings(queues=QueueSettings(message_encoding="none"))
    async with Host(_app(queue, seen, fails=False), settings=settings) as host:
        async with host.http.post("/admin/functions/consume", json={"input": "by hand"}) as response:
            assert response.status == 202
        await host.run_until(lambda: seen)
    assert json.loads(json.dumps(seen)) == [["by hand", 1]]
