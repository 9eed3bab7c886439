"""Puts messages into a queue of RabbitMQ."""

from __future__ import annotations

import uuid

import aio_pika

from ebb.core.clock import Clock
from ebb.core.contract.source import SourceRequest
from ebb.sources.rabbit_mq.broker_connection import BrokerConnection, address
from ebb.sources.rabbit_mq.settings import RabbitMqSettings
from ebb.sources.rabbit_mq.source import QUORUM


class RabbitMqFeed:
    """A `Feed`. A queue that is missing is made, as a quorum queue; each message is confirmed."""

    def __init__(self, source: RabbitMqSettings, broker: BrokerConnection, clock: Clock) -> None:
        self._broker, self._clock = broker, clock
        self.name, self.host = source.queue_name, broker.host

    def refusal(self, body: bytes) -> str | None:
        return None

    async def put(self, body: bytes) -> None:
        message = aio_pika.Message(
            body,
            message_id=uuid.uuid4().hex,
            timestamp=self._clock.now(),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._broker.publish(message, self.name, QUORUM)

    async def close(self) -> None:
        await self._broker.close()


def open_feed(request: SourceRequest) -> RabbitMqFeed:
    """The feed of the queue that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, RabbitMqSettings)
    return RabbitMqFeed(source, BrokerConnection(source, address(source, request.environment)), request.clock)
