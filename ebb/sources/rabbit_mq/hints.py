"""What will go wrong with a queue of RabbitMQ: counting needs no right at all, taking and putting back do."""

from __future__ import annotations

import secrets

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelPreconditionFailed, DeliveryError

from ebb.core.contract.source import SourceRequest
from ebb.sources.hints import Hint
from ebb.sources.rabbit_mq.broker_connection import TIMEOUT, BrokerConnection, address
from ebb.sources.rabbit_mq.settings import RabbitMqSettings


async def look(request: SourceRequest) -> list[Hint]:
    """Ask for what the broker must refuse, by its rights first: nothing is taken and nothing is put.

    Raises:
        SourceError: the user has not the right that taking a message, or putting one back, needs.
    """
    source = request.settings.source
    assert isinstance(source, RabbitMqSettings)
    broker = BrokerConnection(source, address(source, request.environment))
    try:
        await _try_reading(broker, source.queue_name)
        await _try_writing(broker)
    finally:
        await broker.close()
    return []


async def _try_reading(broker: BrokerConnection, queue_name: str) -> None:
    async def keep(_: AbstractIncomingMessage) -> None:
        raise AssertionError("the broker took a consumer whose priority is not a number")

    channel = await broker.channel()
    queue = await channel.get_queue(queue_name, ensure=False)
    with broker.told():
        try:
            await queue.consume(keep, arguments={"x-priority": "none"}, timeout=TIMEOUT)
        except ChannelPreconditionFailed:
            return


async def _try_writing(broker: BrokerConnection) -> None:
    channel, nowhere = await broker.channel(publishing=True), f"ebb-{secrets.token_hex(16)}"
    with broker.told():
        try:
            await channel.default_exchange.publish(aio_pika.Message(b""), nowhere, mandatory=True, timeout=TIMEOUT)
        except DeliveryError:
            return
