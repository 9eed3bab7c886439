"""Sample messages in a real queue."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from typing import Any

import pytest
from azure.storage.queue.aio import QueueClient

from ebb.cli.local.errors import LocalError
from ebb.cli.local.feeding import AT_ONCE, Feeder, queue_of
from ebb.sources.storage_queue.text import Encoding
from tests.azurite import Azurite


async def _texts(queue: QueueClient) -> dict[str, str]:
    return {str(message.id): str(message.content) async for message in queue.receive_messages(messages_per_page=32)}


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_feeder_remembers_what_it_put(azurite: Azurite, encoding: str) -> None:
    name = f"feed-{uuid.uuid4().hex}"
    async with QueueClient.from_connection_string(azurite.connection_string, name) as queue:
        source = Feeder(queue, encoding)
        await source.feed(40, poison=2)
        found = await _texts(queue)
    if encoding == "base64":
        found = {key: base64.b64decode(text).decode() for key, text in found.items()}
    assert {key: int(found[key]) for key in source.put} == source.put
    assert found.keys() - source.put.keys() == source.poison
    assert sorted(source.put.values()) == list(range(min(source.put.values()), min(source.put.values()) + 40))
    assert [text for text in found.values() if not text.isdigit()] == ["no time 0", "no time 1"]


async def test_feeder_waits_while_the_queue_is_deep(azurite: Azurite) -> None:
    async with QueueClient.from_connection_string(azurite.connection_string, f"feed-{uuid.uuid4().hex}") as queue:
        source = Feeder(queue, "none")
        feeding = asyncio.create_task(source.feed(100, depth=2 * AT_ONCE))
        await source.begun.wait()
        deepest = 0
        while not feeding.done():
            deepest = max(deepest, (await queue.get_queue_properties()).approximate_message_count or 0)
            async for message in queue.receive_messages(max_messages=8):
                await queue.delete_message(message)
        await feeding
    assert source.total == 100
    assert AT_ONCE <= deepest <= 2 * AT_ONCE


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_feeder_finds_its_own_messages_in_the_poison_queue_and_gives_them_back(
    azurite: Azurite, encoding: Encoding
) -> None:
    name = f"feed-{uuid.uuid4().hex}"
    async with (
        QueueClient.from_connection_string(azurite.connection_string, name) as queue,
        QueueClient.from_connection_string(azurite.connection_string, f"{name}-poison") as poison,
    ):
        source = Feeder(queue, encoding, poison)
        assert await source.poisoned() == set()  # there is no such queue yet
        await source.feed(40, poison=40)
        await poison.create_queue()
        for key in [*source.poison, "of an earlier run"]:
            text = json.dumps({"id": key, "reason": "<no> time", "body": "soon", "bodyEncoding": "text"})
            await poison.send_message(base64.b64encode(text.encode()).decode() if encoding == "base64" else text)
        await poison.send_message("no JSON")
        assert await source.poisoned() == source.poison
        assert await source.poisoned() == source.poison


async def test_feeder_names_the_queue_that_it_cannot_reach() -> None:
    connection = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:9/a"
    async with QueueClient.from_connection_string(connection, "unix-times", retry_total=0) as queue:
        source = Feeder(queue, "none")
        with pytest.raises(LocalError, match=r"cannot put messages into http://127\.0\.0\.1:9/a/unix-times"):
            await source.feed(1)
        assert source.begun.is_set()


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"source": {"type": "tick"}}, "tick on no storage"),
        ({"source": {"type": "storageQueue", "connection": "Other"}}, "storageQueue on Other"),
        ({"sources": [{"type": "tick"}, {"type": "memory"}]}, "tick on no storage, memory on no storage"),
    ],
)
def test_schedule_without_a_local_queue_cannot_be_fed(settings: dict[str, Any], found: str) -> None:
    with pytest.raises(LocalError, match=rf"no queue of the local storage \({found}\)"):
        queue_of(settings)


def test_first_local_queue_of_several_sources_is_fed() -> None:
    queue = {"type": "storageQueue", "connection": "AzureWebJobsStorage", "queueName": "second"}
    assert queue_of({"sources": [{"type": "tick"}, queue]}) == queue
