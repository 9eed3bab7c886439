"""The emulator against the official SDK of Event Hubs."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, ConnectError

from tests.emulators.amqp.server import AmqpEmulator


@pytest.fixture
def name(amqp: AmqpEmulator) -> str:
    made = f"hub-{secrets.token_hex(4)}"
    amqp.tell(lambda namespace: namespace.add_hub(made, 2))
    return made


def producer(amqp: AmqpEmulator, name: str) -> EventHubProducerClient:
    return EventHubProducerClient.from_connection_string(amqp.connection_string(), eventhub_name=name, retry_total=0)


def consumer(amqp: AmqpEmulator, name: str, text: str = "", group: str = "$Default") -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(
        text or amqp.connection_string(), consumer_group=group, eventhub_name=name, retry_total=0
    )


async def send(amqp: AmqpEmulator, name: str, partition: str, *texts: str) -> None:
    async with producer(amqp, name) as client:
        batch = await client.create_batch(partition_id=partition)
        for text in texts:
            batch.add(EventData(text))
        await client.send_batch(batch)


async def read(client: EventHubConsumerClient, partition: str, count: int, **options: Any) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []

    async def on_batch(_: Any, events: list[EventData]) -> None:
        found.extend((event.sequence_number or 0, event.body_as_str()) for event in events)

    reading = asyncio.create_task(
        client.receive_batch(on_batch, partition_id=partition, max_wait_time=1, max_batch_size=10, **options)
    )
    for _ in range(100):
        await asyncio.sleep(0.05)
        if len(found) >= count:
            break
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return found


async def test_properties_tell_what_was_sent(amqp: AmqpEmulator, name: str) -> None:
    await send(amqp, name, "1", "a", "b", "c")
    async with producer(amqp, name) as client:
        assert (await client.get_eventhub_properties())["partition_ids"] == ["0", "1"]
        about = await client.get_partition_properties("1")
        assert (about["beginning_sequence_number"], about["last_enqueued_sequence_number"]) == (0, 2)
        assert not about["is_empty"]
        assert (await client.get_partition_properties("0"))["is_empty"]


async def test_events_are_read_from_a_position_in_their_order(amqp: AmqpEmulator, name: str) -> None:
    await send(amqp, name, "0", *(f"e{number}" for number in range(5)))
    async with consumer(amqp, name) as client:
        assert await read(client, "0", 5, starting_position="-1") == [(number, f"e{number}") for number in range(5)]
        assert await read(client, "0", 3, starting_position=1) == [(2, "e2"), (3, "e3"), (4, "e4")]
        assert await read(client, "0", 2, starting_position="300", starting_position_inclusive=True) == [
            (3, "e3"), (4, "e4")
        ]  # fmt: skip


async def test_a_higher_epoch_takes_the_partition(amqp: AmqpEmulator, name: str) -> None:
    await send(amqp, name, "0", "a")
    told: list[str] = []

    async def on_error(_: Any, error: Exception) -> None:
        told.append(str(error))

    async def nothing(_: Any, __: Any) -> None:
        """What it reads does not matter."""

    async with consumer(amqp, name) as low, consumer(amqp, name) as high:
        options: dict[str, Any] = {"starting_position": "-1", "owner_level": 1, "on_error": on_error}
        reading = asyncio.create_task(low.receive_batch(nothing, partition_id="0", max_wait_time=1, **options))
        await asyncio.sleep(1.5)
        assert await read(high, "0", 1, starting_position="-1", owner_level=2) == [(0, "a")]
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert "epoch" in told[0]


async def test_wrong_keys_and_names_are_told(amqp: AmqpEmulator, name: str) -> None:
    for client, error in (
        (consumer(amqp, name, amqp.connection_string(key="wrong")), AuthenticationError),
        (consumer(amqp, "absent"), ConnectError),
    ):
        async with client:
            with pytest.raises(error):
                await client.get_partition_ids()
