"""Messages from a queue of RabbitMQ.

How a batch is taken is in `batches.py`. A quorum queue counts deliveries itself. A classic one says only that a message
was delivered before; such a message is sent to the queue again with its count in the header `ebb-tries`, before it is
handled.

What waits for another try lies in `<queue>-delay-<milliseconds>`, a quorum queue whose messages go back by themselves.
What cannot be handled goes to `<queue>-poison`, with the headers `ebb-reason`, `ebb-id`, `ebb-dequeueCount` and
`ebb-deadLetteredAt`. Both are made when first needed. A copy is confirmed by the broker before the message is removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from ebb.core.clock import Clock, SystemClock, rfc3339
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceError, SourceUnavailableError
from ebb.core.message import Message
from ebb.sources.rabbit_mq.batches import Batches
from ebb.sources.rabbit_mq.broker_connection import TIMEOUT, BrokerConnection, address
from ebb.sources.rabbit_mq.counting import count_by_management, count_ready
from ebb.sources.rabbit_mq.deliveries import Deliveries
from ebb.sources.rabbit_mq.settings import RabbitMqSettings

POISON_SUFFIX = "-poison"
QUORUM = {"x-queue-type": "quorum"}
UNUSED = 60_000  # milliseconds for which an empty delay queue is kept beyond its own delay
REASON_LENGTH = 4000  # characters of a reason
TRIES, ID = "ebb-tries", "ebb-id"  # headers: earlier tries that the queue does not count; id of a message without one
COUNTED = "x-delivery-count"  # header of a quorum queue: earlier deliveries

_log = logging.getLogger("ebb.source")


class RabbitMqSource:
    """A `Source` on one queue. Its connection opens at the first call, and what is held goes back when it closes."""

    def __init__(
        self, source: RabbitMqSettings, url: str, environment: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        self._source, self._url, self._environment = source, url, environment
        self._clock = clock or SystemClock()
        self._broker: BrokerConnection | None = None
        self._deliveries = Deliveries(source.queue_name)
        self._receiving = asyncio.Lock()
        self._batches = Batches(source.queue_name)
        self._closed = False

    async def measure(self) -> Measurement:
        """Ready messages, or with `managementConnection` those that are held too: as KEDA's scaler, by its protocol."""
        if self._source.management_connection is None:
            return await count_ready(self._open(), self._source)
        vhost = unquote(urlsplit(self._url).path[1:]) or "/"
        return await count_by_management(self._source, vhost, self._environment)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        async with self._receiving:
            channel = await self._open().channel()
            received: list[Message] = []
            while missing := limit - len(received):
                try:
                    found = await self._batches.take(self._open(), channel, missing)
                except SourceError:
                    await self._open().close()  # a channel that failed once is not to be trusted: begin afresh
                    raise
                for incoming in found:
                    if incoming.redelivered and COUNTED not in incoming.headers:
                        await self._again(incoming, _tries(incoming) + 1)
                        await incoming.ack()
                    else:
                        receipt = self._deliveries.add(incoming, channel, lease.total_seconds())
                        received.append(_message(incoming, receipt))
                if not any(incoming.redelivered and COUNTED not in incoming.headers for incoming in found):
                    break
            return received

    async def complete(self, message: Message) -> None:
        await self._settle(message)

    async def extend(self, message: Message, lease: timedelta) -> None:
        self._open()
        self._deliveries.extend(message, lease.total_seconds())

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        try:
            incoming = self._deliveries.take(message)
            if incoming is None:
                return
            if not delay:
                with self._open().told():
                    await incoming.reject(requeue=True)  # not nack: from RabbitMQ 4.3 on that does not count
                return
            await self._again(incoming, message.dequeue_count, delay)
            with self._open().told():
                await incoming.ack()
        except LeaseLostError:
            _log.debug("message %s was no longer held when it was given back", message.id)

    async def dead_letter(self, message: Message, reason: str) -> None:
        incoming = self._deliveries.take(message)
        if incoming is None:
            return
        headers = {
            "ebb-reason": reason[:REASON_LENGTH] or "no reason",
            ID: message.id,
            "ebb-dequeueCount": message.dequeue_count,
            "ebb-deadLetteredAt": rfc3339(self._clock.now()),
        }
        copy = copied(incoming, headers)
        await self._open().publish(copy, self._source.queue_name + POISON_SUFFIX, QUORUM)
        with self._open().told():
            await incoming.ack()

    async def close(self) -> None:
        self._closed = True
        self._deliveries.clear()
        if self._broker is not None:
            await self._broker.close()

    def _open(self) -> BrokerConnection:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of queue {self._source.queue_name} is closed")
        if self._broker is None:
            self._broker = BrokerConnection(self._source, self._url)
        return self._broker

    async def _again(self, incoming: AbstractIncomingMessage, tries: int, delay: timedelta = timedelta()) -> None:
        """Send a copy that has had so many tries; after `delay` it is in the queue."""
        copy = copied(incoming, {TRIES: tries, ID: _id(incoming)})
        name, milliseconds = self._source.queue_name, math.ceil(delay.total_seconds() * 1000)
        if not milliseconds:
            await self._open().publish(copy, name, None)
            return
        arguments = {
            **QUORUM,
            "x-message-ttl": milliseconds,
            "x-expires": milliseconds + UNUSED,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": name,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        queue = f"{name}-delay-{milliseconds}"
        channel = await self._open().channel(publishing=True)
        with self._open().told():  # each time: that keeps it from going while messages wait in it
            await channel.declare_queue(queue, durable=True, arguments=cast("Any", arguments), timeout=TIMEOUT)
        await self._open().publish(copy, queue, None)

    async def _settle(self, message: Message) -> None:
        self._open()
        incoming = self._deliveries.take(message)
        if incoming is not None:
            try:
                with self._open().told():
                    await incoming.ack()
            except SourceUnavailableError as error:
                raise LeaseLostError(f"message {message.id} comes again: {error}") from error


def copied(incoming: AbstractIncomingMessage, headers: Mapping[str, Any]) -> aio_pika.Message:
    """The same message with these headers added, kept on disk. Without its user id: another's would be refused."""
    own = {name: value for name, value in incoming.headers.items() if not name.startswith(("ebb-", "x-"))}
    return aio_pika.Message(
        incoming.body,
        headers={**own, **headers},
        content_type=incoming.content_type,
        content_encoding=incoming.content_encoding,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        priority=incoming.priority,
        correlation_id=incoming.correlation_id,
        reply_to=incoming.reply_to,
        message_id=incoming.message_id,
        timestamp=incoming.timestamp,
        type=incoming.type,
        app_id=incoming.app_id,
    )


def _message(incoming: AbstractIncomingMessage, receipt: str) -> Message:
    counted = incoming.headers.get(COUNTED)
    count = _tries(incoming) + (counted if isinstance(counted, int) else 0) + 1
    own = {name: str(value) for name, value in incoming.headers.items() if not name.startswith(("ebb-", "x-"))}
    return Message(_id(incoming), incoming.body, count, incoming.timestamp, own, receipt)


def _id(incoming: AbstractIncomingMessage) -> str:
    """The sender's, or else one that is the same each time the message is delivered."""
    digest = hashlib.sha256(incoming.body).hexdigest()[:16]
    return str(incoming.message_id or incoming.headers.get(ID) or digest)


def _tries(incoming: AbstractIncomingMessage) -> int:
    tries = incoming.headers.get(TRIES)
    return tries if isinstance(tries, int) else 0


def open_rabbit_mq(request: SourceRequest) -> RabbitMqSource:
    """The source that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, RabbitMqSettings)
    return RabbitMqSource(source, address(source, request.environment), request.environment, request.clock)
