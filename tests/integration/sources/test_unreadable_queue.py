"""A message that the service itself cannot show: Azurite takes U+0001 and then answers 500 to whoever receives it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import pytest

from ebb.core.clock import SystemClock
from ebb.core.errors import SourceError
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.services import Services
from ebb.sources.combined import measure_all
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import StorageQueueSource
from ebb.store.memory import MemoryStore
from tests.azurite import Azurite
from tests.executions import nothing

LEASE = timedelta(seconds=60)


@pytest.fixture
async def queue(azurite: Azurite) -> QueueClient:
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    return QueueClient(open_account(connection), f"odd-{secrets.token_hex(6)}", create=True)


def source_of(queue: QueueClient) -> StorageQueueSource:
    settings = StorageQueueSettings(type="storageQueue", queueName=queue.name, messageEncoding="none")
    return StorageQueueSource(settings, queue._account.connection)


async def test_messages_beside_an_unreadable_one_are_received(queue: QueueClient) -> None:
    source = source_of(queue)
    await queue.put("1\x012")
    assert (await source.measure()).count == 1
    for text in ("one", "two", "three"):
        await queue.put(text)
    with pytest.raises(SourceError, match="cannot show a message"):  # the first batch hides them all
        await source.receive(32, timedelta(seconds=1))
    received: list[str] = []
    for _ in range(80):
        await asyncio.sleep(0.05)  # their lease of a second has to end first
        try:
            messages = await source.receive(16, timedelta(seconds=1))
        except SourceError:
            continue
        for message in messages:
            received.append(message.text)
            await source.complete(message)
        if len(received) == 3:
            break
    assert sorted(received) == ["one", "three", "two"]
    await source.close()


async def test_queue_of_unreadable_messages_says_what_to_do(queue: QueueClient) -> None:
    await queue.put("1\x012")
    settings = validate_settings(
        {"source": {"type": "storageQueue", "queueName": queue.name}, "handler": "handlers.noop:handle"}
    )

    async def reason_to_stop() -> None:
        return None

    report = await run_execution(
        source_of(queue), nothing, settings, reason_to_stop=reason_to_stop, clock=SystemClock()
    )
    assert report.ended == "failed"
    for part in (queue.name, "cannot show a message", "messageEncoding base64", "clear"):
        assert part in str(report.error)


async def test_other_sources_of_the_schedule_go_on(queue: QueueClient, azurite: Azurite) -> None:
    await queue.put("1\x012")
    other = QueueClient(queue._account, f"{queue.name}-2", create=True)
    await other.put("one")
    settings = validate_settings(
        {
            "sources": [
                {"type": "storageQueue", "queueName": name, "messageEncoding": "none"}
                for name in (queue.name, other.name)
            ],
            "handler": "handlers.noop:handle",
        }
    )
    environment = {"AzureWebJobsStorage": azurite.connection_string}
    services = Services(Schedules({}), MemoryStore(), environment=environment)
    counts = await measure_all(settings, services.source)
    assert [(count.messages, count.error) for count in counts] == [(1, None), (1, None)]
