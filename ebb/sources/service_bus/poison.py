"""The poison place of an entity of Service Bus: its own dead letters.

Looking takes nothing. Putting back and removing mean to receive: what is not meant is abandoned again, and its delivery
count rises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from azure.servicebus import ServiceBusMessageState, ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError

from ebb.core.clock import rfc3339
from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceNotFoundError
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.service_bus.content import COUNT, ID, body_of, copy_of, properties_of
from ebb.sources.service_bus.entity import NoRightError, read_entity
from ebb.sources.service_bus.faults import told
from ebb.sources.service_bus.receiving import open_client
from ebb.sources.service_bus.settings import ServiceBusSettings
from ebb.sources.service_bus.source import LOOKED_AT, REASON

LONGEST_SEARCH = 2000  # messages that one call looks through
WAIT = 1  # seconds for the first message


class ServiceBusPoison:
    """A `PoisonPlace`. Connections open at the first call."""

    def __init__(self, source: ServiceBusSettings, connection: NamespaceConnection) -> None:
        self._source, self._connection = source, connection
        self._client: ServiceBusClient | None = None
        self._receiver: ServiceBusReceiver | None = None

    async def count(self) -> int:
        """DeadLetterMessageCount; without the right to manage, as many as a look shows."""
        try:
            return (await read_entity(self._source, self._connection)).dead
        except SourceNotFoundError:
            return 0
        except NoRightError:
            return len(await self._look(LOOKED_AT))

    async def peek(self, limit: int) -> list[Poisoned]:
        return [self._poisoned(each) for each in await self._look(min(limit, PEEK_LIMIT))]

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        """As the contract says. A subscription has no way in of its own: the topic gives all subscriptions a copy."""
        source, client = self._source, self._opened()
        if source.queue_name:
            sender = client.get_queue_sender(source.queue_name)
        else:
            sender = client.get_topic_sender(source.topic_name or "")

        async def put_back(message: ServiceBusReceivedMessage) -> None:
            copy = copy_of(message, {})
            for name in (COUNT, ID):
                (copy.application_properties or {}).pop(name, None)
            await sender.send_messages(copy)

        try:
            return await self._each(ids, limit, text, put_back)
        finally:
            await sender.close()

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def nothing_more(_: ServiceBusReceivedMessage) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, text, nothing_more)

    async def close(self) -> None:
        receiver, self._receiver = self._receiver, None
        client, self._client = self._client, None
        if receiver is not None:
            await receiver.close()
        if client is not None:
            await client.close()

    async def _look(self, limit: int) -> list[ServiceBusReceivedMessage]:
        with told(self._source, self._connection):
            found = await (await self._open_receiver()).peek_messages(limit, sequence_number=1)
        return [each for each in found if each.state == ServiceBusMessageState.ACTIVE]

    async def _each(
        self,
        ids: frozenset[str] | None,
        limit: int,
        text: str | None,
        act: Callable[[ServiceBusReceivedMessage], Awaitable[None]],
    ) -> int:
        """Receive messages, act on those that are meant and remove them; give the others back at the end."""
        done, looked_at, wanted = 0, 0, limit if ids is None else min(limit, len(ids))
        chosen = ids is not None or text is not None
        kept: list[ServiceBusReceivedMessage] = []
        with told(self._source, self._connection):
            receiver = await self._open_receiver()
            try:
                while done < wanted and looked_at < LONGEST_SEARCH:
                    size = PEEK_LIMIT if chosen else min(PEEK_LIMIT, wanted - done)
                    page = await receiver.receive_messages(size, max_wait_time=WAIT)
                    if not page:
                        break
                    looked_at += len(page)
                    meant = [each for each in page if self._meant(each, ids, text)][: wanted - done]
                    kept += [each for each in page if each not in meant]
                    for message in meant:
                        await act(message)
                        await receiver.complete_message(message)
                        done += 1
            finally:
                await _give_back(receiver, kept)
                self._receiver = None
                await receiver.close()  # what the service has sent ahead is let go of only then
        return done

    def _meant(self, message: ServiceBusReceivedMessage, ids: frozenset[str] | None, text: str | None) -> bool:
        return (ids is None or str(message.sequence_number) in ids) and self._poisoned(message).holds(text)

    def _poisoned(self, message: ServiceBusReceivedMessage) -> Poisoned:
        properties = properties_of(message)
        reason, description = message.dead_letter_reason, message.dead_letter_error_description
        told_by_service = ": ".join(each for each in (reason, description) if each) or None
        try:
            body = body_of(message)
        except ValueError:
            body = str(message).encode(errors="replace")
        enqueued = message.enqueued_time_utc  # in the dead letters
        about: dict[str, Any] = {
            "originalId": properties.get(ID) or message.message_id,
            "dequeueCount": int(properties.get(COUNT, 0)) or None,
            "deadLetteredAt": rfc3339(enqueued) if enqueued else None,
        }
        return Poisoned(str(message.sequence_number), description if reason == REASON else told_by_service, body, about)

    async def _open_receiver(self) -> ServiceBusReceiver:
        if self._receiver is None:
            client, source = self._opened(), self._source
            dead = ServiceBusSubQueue.DEAD_LETTER
            if source.queue_name:
                receiver = client.get_queue_receiver(source.queue_name, sub_queue=dead)
            else:
                topic, subscription = source.topic_name or "", source.subscription_name or ""
                receiver = client.get_subscription_receiver(topic, subscription, sub_queue=dead)
            try:
                await receiver.__aenter__()
            except BaseException:  # a cancellation too leaves nothing open
                await receiver.close()
                raise
            self._receiver = receiver
        return self._receiver

    def _opened(self) -> ServiceBusClient:
        if self._client is None:
            self._client = open_client(self._connection)
        return self._client


async def _give_back(receiver: ServiceBusReceiver, messages: list[ServiceBusReceivedMessage]) -> None:
    for message in messages:
        try:
            await receiver.abandon_message(message)
        except MessageLockLostError:  # it is visible again already
            continue


def open_poison(request: SourceRequest) -> ServiceBusPoison:
    """The poison place of the entity that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, ServiceBusSettings)
    return ServiceBusPoison(source, resolve_namespace(source.connection, request.environment))
