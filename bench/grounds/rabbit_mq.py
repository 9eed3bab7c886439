"""Queues of RabbitMQ, on a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import PAGE, Ground
from tests.rabbit import Rabbit


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """aio-pika: a consumer with a prefetch of 32 that acknowledges each message."""
    import aio_pika

    done, all_done = 0, asyncio.Event()
    connection = await aio_pika.connect(environment["RabbitMQConnection"])
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=PAGE)
    queue = await channel.get_queue(source["queueName"])

    async def handle(message: Any) -> None:
        nonlocal done
        await message.ack()
        done += 1
        if done == count:
            all_done.set()

    await queue.consume(handle)
    await all_done.wait()
    await connection.close()
    return done


GROUND = Ground(
    Rabbit,
    lambda _, name: {"type": "rabbitMQ", "queueName": name},
    lambda rabbit: {"RabbitMQConnection": rabbit.url},
    bare,
    2000,
)
