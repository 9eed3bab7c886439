"""Queues of RabbitMQ under test, on a broker."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import aio_pika

from ebb.core.contract.source import QueueSource
from ebb.sources.rabbit_mq.settings import RabbitMqSettings
from ebb.sources.rabbit_mq.source import RabbitMqSource
from ebb.sources.registry import KINDS
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested
from tests.rabbit import Rabbit


async def rabbit_bench(rabbit: Rabbit, queue_type: str) -> AsyncIterator[Bench]:
    name, opened = f"contract-{secrets.token_hex(6)}", list[RabbitMqSource]()
    connection = await aio_pika.connect(rabbit.url)
    channel = await connection.channel()
    await channel.declare_queue(name, durable=True, arguments={"x-queue-type": queue_type})

    def source(queue_name: str) -> QueueSource:
        settings = RabbitMqSettings.model_validate({"type": "rabbitMQ", "queueName": queue_name})
        opened.append(RabbitMqSource(settings, rabbit.url, {}))
        return opened[-1]

    async def put(body: bytes) -> object:
        message = aio_pika.Message(body, timestamp=datetime.now(UTC), delivery_mode=2)
        return await channel.default_exchange.publish(message, name)

    async def poisoned() -> list[tuple[bytes, str]]:
        queue, found = await channel.get_queue(f"{name}-poison"), list[tuple[bytes, str]]()
        while (each := await queue.get(fail=False)) is not None:
            found.append((each.body, str(each.headers["ebb-reason"])))
        return found

    another = partial(source, name)
    yield Bench(
        another(), put, poisoned, asyncio.sleep, source(f"{name}-absent"), another, KINDS["rabbitMQ"], exact=100
    )
    await asyncio.gather(*(each.close() for each in opened))
    await connection.close()


TESTED = Tested(
    Place({"queueName": "abc"}, {"RabbitMQConnection": "amqp://guest:guest@127.0.0.1:9/"}),
    server="rabbit",
    bench=rabbit_bench,
    variants=("classic", "quorum"),
    place=lambda rabbit, name: Place({"queueName": name}, {"RabbitMQConnection": rabbit.url}),
    killed_in="tests/integration/sources/test_rabbit_mq.py::"
    "test_broker_that_was_killed_comes_back_with_what_was_not_done",
)
