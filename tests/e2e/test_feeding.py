"""Sample messages in a real queue."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.storage.queue.aio import QueueClient

from ebb.cli.acceptance.accounted_feed import AccountedFeed
from ebb.cli.local.azurite import connection_string
from ebb.cli.local.errors import LocalError
from ebb.cli.local.feeding import open_accounted
from ebb.cli.operate.producer import AT_ONCE
from ebb.sources.storage_queue.text import Encoding
from tests.azurite import Azurite

NOBODY = 9  # a port where nothing listens; the queue service is on the next one


@asynccontextmanager
async def _feed(azurite: Azurite, encoding: Encoding) -> AsyncIterator[tuple[AccountedFeed, QueueClient, QueueClient]]:
    """A feed of a queue of its own, that queue, and the one for poison; neither is made yet."""
    name = f"feed-{uuid.uuid4().hex}"
    async with (
        QueueClient.from_connection_string(azurite.connection_string, name) as own,
        QueueClient.from_connection_string(azurite.connection_string, f"{name}-poison") as poison,
    ):
        fed = open_accounted(_settings(name, encoding), azurite.connection_string)
        yield fed, own, poison
        await fed.close()


def _settings(name: str, encoding: Encoding) -> dict[str, Any]:
    source = {"type": "storageQueue", "queueName": name, "messageEncoding": encoding}
    return {"handler": "handlers.noop:handle", "source": source}


async def _texts(queue: QueueClient) -> dict[str, str]:
    return {str(message.id): str(message.content) async for message in queue.receive_messages(messages_per_page=32)}


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_feed_remembers_what_it_put(azurite: Azurite, encoding: Encoding) -> None:
    async with _feed(azurite, encoding) as (fed, queue, _):
        await fed.feed(40, unreadable=2)
        found = await _texts(queue)
    if encoding == "base64":
        found = {key: base64.b64decode(text).decode() for key, text in found.items()}
    assert {key: int(found[key]) for key in fed.values} == fed.values
    assert found.keys() - fed.values.keys() == fed.unreadable
    assert sorted(fed.values.values()) == list(range(min(fed.values.values()), min(fed.values.values()) + 40))
    assert [text for text in found.values() if not text.isdigit()] == ["no time 0", "no time 1"]


async def test_feed_waits_while_the_queue_is_deep(azurite: Azurite) -> None:
    async with _feed(azurite, "none") as (fed, queue, _):
        feeding = asyncio.create_task(fed.feed(100, depth=2 * AT_ONCE))
        await fed.begun.wait()
        deepest = 0
        while not feeding.done():
            deepest = max(deepest, (await queue.get_queue_properties()).approximate_message_count or 0)
            async for message in queue.receive_messages(max_messages=8):
                await queue.delete_message(message)
        await feeding
    assert fed.total == 100
    assert AT_ONCE <= deepest <= 2 * AT_ONCE


@pytest.mark.parametrize("encoding", ["none", "base64"])
async def test_feed_finds_its_own_messages_in_the_poison_queue_and_gives_them_back(
    azurite: Azurite, encoding: Encoding
) -> None:
    async with _feed(azurite, encoding) as (fed, _, poison):
        assert await fed.poisoned() == set()  # there is no such queue yet
        await fed.feed(40, unreadable=40)
        await poison.create_queue()
        for key in [*fed.unreadable, "of an earlier run"]:
            text = json.dumps({"id": key, "reason": "<no> time", "body": "soon", "bodyEncoding": "text"})
            await poison.send_message(base64.b64encode(text.encode()).decode() if encoding == "base64" else text)
        await poison.send_message("no JSON")
        assert await fed.poisoned() == fed.unreadable
        assert await fed.poisoned() == fed.unreadable


async def test_feed_names_the_queue_that_it_cannot_reach() -> None:
    fed = open_accounted(_settings("unix-times", "none"), connection_string(NOBODY))
    for what in (fed.make(), fed.feed(1)):
        with pytest.raises(LocalError, match=r"cannot put messages into unix-times: .*127\.0\.0\.1:10"):
            await what
    assert fed.begun.is_set()
    await fed.close()


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"source": {"type": "tick"}}, "tick on no storage"),
        ({"source": {"type": "storageQueue", "queueName": "other", "connection": "Other"}}, "storageQueue on Other"),
        (
            {"sources": [{"type": "sqs", "queueName": "a"}, {"type": "memory", "queueName": "b"}]},
            "sqs on no storage, memory on no storage",
        ),
    ],
)
def test_schedule_without_a_local_queue_cannot_be_fed(settings: dict[str, Any], found: str) -> None:
    with pytest.raises(LocalError, match=rf"no queue of the local storage \({found}\)"):
        open_accounted({"handler": "handlers.noop:handle", **settings}, connection_string(NOBODY))


def test_first_local_queue_of_several_sources_is_fed() -> None:
    sources = [
        {"type": "storageQueue", "connection": "Other", "queueName": "first"},
        {"type": "blob", "containerName": "second"},
        {"type": "storageQueue", "queueName": "third"},
    ]
    fed = open_accounted({"handler": "handlers.noop:handle", "sources": sources}, connection_string(NOBODY))
    assert fed.name == "third"
