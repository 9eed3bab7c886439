"""Queues of Service Bus under test, on the AMQP emulator."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from ebb.core.contract.source import QueueSource
from ebb.core.message import Message
from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.sources.registry import KINDS
from ebb.sources.service_bus.settings import ServiceBusSettings
from ebb.sources.service_bus.source import ServiceBusSource
from tests.emulators.amqp.queues import Queue
from tests.emulators.amqp.server import AmqpEmulator
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested


class LockedFor(ServiceBusSource):
    """A source on a queue whose LockDuration is what is asked for: the contract speaks of that."""

    def __init__(self, amqp: AmqpEmulator, *given: Any) -> None:
        super().__init__(*given)
        self._queue = amqp.namespace.find(self._source.label())

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        self._set(lease)
        return await super().receive(limit, lease)

    async def extend(self, message: Message, lease: timedelta) -> None:
        self._set(lease)
        await super().extend(message, lease)

    def _set(self, lease: timedelta) -> None:
        if isinstance(self._queue, Queue):
            self._queue.lock_duration = lease.total_seconds()


async def service_bus_bench(amqp: AmqpEmulator, _: str) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    queue = amqp.tell(lambda namespace: namespace.add_queue(name))
    connection = resolve_namespace("Bus", {"Bus": amqp.connection_string()})
    client = ServiceBusClient.from_connection_string(amqp.connection_string())
    sender = await client.get_queue_sender(name).__aenter__()
    sending = asyncio.Lock()  # the SDK's sender is for one at a time
    opened: list[ServiceBusSource] = []

    def source(queue_name: str) -> QueueSource:
        given = {"type": "serviceBus", "queueName": queue_name, "managementEndpoint": amqp.management_url}
        opened.append(LockedFor(amqp, ServiceBusSettings.model_validate(given), connection))
        return opened[-1]

    async def put(body: bytes) -> object:
        async with sending:
            return await sender.send_messages(ServiceBusMessage(body))

    async def poisoned() -> list[tuple[bytes, str]]:
        assert queue.dead is not None
        return [
            (each.message.body[0].value, each.message.application["DeadLetterErrorDescription"])
            for each in queue.dead.items.values()
        ]

    another = partial(source, name)
    missing = source(f"{name}-absent")
    yield Bench(another(), put, poisoned, asyncio.sleep, missing, another, KINDS["serviceBus"], 300)
    await asyncio.gather(sender.close(), *(each.close() for each in opened))
    await client.close()


def _place(amqp: AmqpEmulator, name: str) -> Place:
    amqp.tell(lambda namespace: namespace.add_queue(name))
    return Place({"queueName": name, "connection": "Bus"}, {"Bus": amqp.connection_string()})


NOWHERE = "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true"
TESTED = Tested(
    Place({"queueName": "abc", "connection": "Bus"}, {"Bus": NOWHERE}),
    server="amqp",
    bench=service_bus_bench,
    variants=("queue",),
    place=_place,
    killed_in="tests/integration/sources/test_service_bus.py::test_a_server_that_is_away_is_told_and_comes_back",
)
