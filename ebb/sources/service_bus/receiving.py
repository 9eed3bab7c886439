"""Receives from one entity and settles what was received: one link, or one session after another.

The SDK is slow to open and to close (0.6 s and 1 s with a server beside it), so links stay open with the source.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender, ServiceBusSession
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from ebb.core.settings.namespace_connection import NamespaceConnection
from ebb.sources.identity import namespace_identity
from ebb.sources.service_bus.faults import told
from ebb.sources.service_bus.settings import ServiceBusSettings
from ebb.sources.service_bus.turns import ReceiverTurns

LOOK, SHORTEST_LOOK = 0.2, 0.01  # seconds of one call of the SDK that receives
RETRIES, PAUSE, LONGEST_PAUSE = 3, 0.4, 3.0  # of the SDK; pauses in seconds


SHORTEST_LEASE = timedelta(seconds=1)  # a clock that is ahead would see less than nothing


class Receiving:
    """The links of one source. They open at the first call, and once only however many ask."""

    def __init__(self, source: ServiceBusSettings, connection: NamespaceConnection) -> None:
        self._source, self._connection = source, connection
        self._client: ServiceBusClient | None = None
        self._receiver: ServiceBusReceiver | None = None
        self._sender: ServiceBusSender | None = None
        self._opening, self._sending = asyncio.Lock(), asyncio.Lock()
        self.lease: timedelta | None = None  # as the service gave it last
        self._turns = ReceiverTurns()

    async def receive(self, limit: int) -> list[tuple[ServiceBusReceiver, ServiceBusReceivedMessage]]:
        """Up to `limit` messages, each with the link that it came on; waits up to `waitTime` for the first."""
        with told(self._source, self._connection):
            receiver = await self._open_receiver()
            if receiver is None:
                return []
            began = datetime.now(UTC)
            try:
                found = await self._received(receiver, limit)
            except ServiceBusError:
                await self._drop(receiver)
                raise
        if self._source.sessions and not found:
            await self._drop(receiver)  # its session is empty: the next one is another
            return await self._next_session(limit)
        self._learn_lease(began, locked_until(receiver, found[0]) if found else None)
        return [(receiver, message) for message in found]

    def settling(self) -> AbstractAsyncContextManager[None]:
        """Around the settling of a message that was received here."""
        return self._turns.settling()

    async def send(self, message: ServiceBusMessage) -> None:
        """Send to the queue, or to the topic of the subscription; one at a time, as the SDK wants it."""
        async with self._sending:
            if self._sender is None:
                client, source = self._opened(), self._source
                if source.queue_name:
                    sender = client.get_queue_sender(source.queue_name)
                else:
                    sender = client.get_topic_sender(source.topic_name or "")
                await _entered(sender)
                self._sender = sender
            await self._sender.send_messages(message)

    async def browse(self, limit: int) -> list[ServiceBusReceivedMessage]:
        """The first messages of the entity, without taking them."""
        with told(self._source, self._connection):
            receiver = await self._open_receiver()
            return [] if receiver is None else await receiver.peek_messages(limit, sequence_number=1)

    async def close(self) -> None:
        """End all links. What was received and is not settled comes back when its lock ends."""
        client, self._client = self._client, None
        receiver, self._receiver = self._receiver, None
        sender, self._sender = self._sender, None
        await asyncio.gather(*(each.close() for each in (receiver, sender) if each is not None), return_exceptions=True)
        if client is not None:
            await client.close()

    async def _received(self, receiver: ServiceBusReceiver, limit: int) -> list[ServiceBusReceivedMessage]:
        """What a receive gives within `waitTime`, which begins again and again so that others may settle meanwhile."""
        ends = time.monotonic() + self._source.wait_time
        while True:
            left = ends - time.monotonic()
            async with self._turns.receiving():
                found = await receiver.receive_messages(limit, max_wait_time=max(min(LOOK, left), SHORTEST_LOOK))
            if found or ends - time.monotonic() < SHORTEST_LOOK:
                return found

    def _learn_lease(self, began: datetime, until: datetime | None) -> None:
        if until is not None:
            self.lease = max(until - began, SHORTEST_LEASE)

    async def _next_session(self, limit: int) -> list[tuple[ServiceBusReceiver, ServiceBusReceivedMessage]]:
        with told(self._source, self._connection):
            if await self._open_receiver() is None:
                return []
        return await self.receive(limit)

    async def _open_receiver(self) -> ServiceBusReceiver | None:
        """The link to receive on; None where no session has messages."""
        async with self._opening:
            if self._receiver is None:
                receiver = self._made()
                try:
                    await _entered(receiver)
                except OperationTimeoutError:
                    if self._source.sessions:
                        return None
                    raise
                self._receiver = receiver
            return self._receiver

    def _made(self) -> ServiceBusReceiver:
        client, source = self._opened(), self._source
        if source.sessions and source.queue_name:
            return client.get_queue_receiver(
                source.queue_name, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=source.wait_time
            )
        if source.queue_name:
            return client.get_queue_receiver(source.queue_name)
        topic, subscription = source.topic_name or "", source.subscription_name or ""
        if source.sessions:
            return client.get_subscription_receiver(
                topic, subscription, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=source.wait_time
            )
        return client.get_subscription_receiver(topic, subscription)

    async def _drop(self, receiver: ServiceBusReceiver) -> None:
        if self._receiver is receiver:
            self._receiver = None
        await receiver.close()

    def _opened(self) -> ServiceBusClient:
        if self._client is None:
            self._client = open_client(self._connection, self._source.sessions)
        return self._client


def open_client(connection: NamespaceConnection, sessions: bool = False) -> ServiceBusClient:
    """A client of the SDK; it asks nothing of the network.

    Waiting for a session ends in a time-out where none has messages: that is not a reason to try again.
    """
    retries = 0 if sessions else RETRIES
    options: dict[str, Any] = {
        "retry_total": retries,
        "retry_backoff_factor": PAUSE,
        "retry_backoff_max": LONGEST_PAUSE,
    }
    if connection.key_name:
        return ServiceBusClient.from_connection_string(connection.text, **options)
    return ServiceBusClient(connection.host, namespace_identity(connection), **options)


def locked_until(receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> datetime | None:
    """When the lock of a message ends, or that of the session which it came in."""
    session = cast("ServiceBusSession | None", receiver.session)
    return message.locked_until_utc if session is None else session.locked_until_utc


async def _entered(link: ServiceBusReceiver | ServiceBusSender) -> None:
    """Open a link; one that does not open is closed again."""
    try:
        await link.__aenter__()
    except BaseException:  # a cancellation too leaves nothing open
        await link.close()
        raise
