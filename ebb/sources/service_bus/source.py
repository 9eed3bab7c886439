"""Messages from a queue or a subscription of Service Bus, under peek-lock.

The lease is the entity's LockDuration, whatever is asked for. A message given back without a delay is abandoned. With a
delay a copy is scheduled and the message completed: to Service Bus the copy is a new message, whose count of deliveries
begins again, so it carries what was counted before (`ebb-dequeueCount`) and the first id (`ebb-id`).
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import cache

from azure.servicebus import ServiceBusMessageState, ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.source import UNREADABLE, Measurement, SourceRequest
from ebb.core.errors import SourceError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.service_bus.content import COUNT, ID, body_of, copy_of, properties_of
from ebb.sources.service_bus.entity import NoRightError, read_entity
from ebb.sources.service_bus.faults import LOST, lost, needs_sessions, told
from ebb.sources.service_bus.receiving import Receiving, locked_until
from ebb.sources.service_bus.settings import ServiceBusSettings

REASON = "EbbPoison"  # DeadLetterReason; the text stands in the description
REASON_LENGTH = 4000  # characters; Service Bus keeps 4096
LOOKED_AT = 250  # messages of an estimate by looking

_log = logging.getLogger("ebb.source")


class ServiceBusSource:
    """A `Source` on one entity. Its connection opens at the first call."""

    def __init__(
        self, source: ServiceBusSettings, connection: NamespaceConnection, clock: Clock | None = None, tries: int = 0
    ) -> None:
        """`tries` are those of the schedule, to be compared with MaxDeliveryCount of the entity."""
        self._source, self._connection, self._clock = source, connection, clock or SystemClock()
        self._tries, self._closed = tries, False
        self._receiving = Receiving(source, connection)
        self._held: dict[str, tuple[ServiceBusReceiver, ServiceBusReceivedMessage]] = {}  # by lock token

    @property
    def lease(self) -> timedelta | None:
        """How long the service holds a message; None before the first one."""
        return self._receiving.lease

    async def measure(self) -> Measurement:
        """ActiveMessageCount, KEDA's number; without the right to manage, what a look shows."""
        self._check_open()
        try:
            entity = await read_entity(self._source, self._connection)
        except NoRightError as error:
            return await self._estimate(error)
        if entity.sessions and not self._source.sessions:
            raise needs_sessions(self._source)
        if self._source.sessions and not entity.sessions:
            raise SourceUnavailableError(f"{self._source.what} does not require sessions: set sessions: false")
        if entity.max_delivery <= self._tries:
            _warn_once(self._source.what, entity.max_delivery, self._tries)
        return Measurement(entity.active, approximate=True)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """As the contract says, but waits up to `waitTime` seconds, and holds for the entity's LockDuration.

        Of a session one message is given at a time: the order of its key.
        """
        self._check_open()
        found = await self._receiving.receive(1 if self._source.sessions else limit)
        return [self._message(receiver, message) for receiver, message in found]

    async def complete(self, message: Message) -> None:
        if not message.receipt:  # it was settled before
            return
        receiver, received = self._of(message)
        with told(self._source, self._connection):
            try:
                async with self._receiving.settling():
                    await receiver.complete_message(received)
            except LOST as error:
                raise lost(message.id, error) from error
        self._forget(message)

    async def extend(self, message: Message, lease: timedelta) -> None:
        receiver, received = self._of(message)
        with told(self._source, self._connection):
            try:
                if self._source.sessions:
                    until = await receiver.session.renew_lock()
                else:
                    until = await receiver.renew_message_lock(received)
            except LOST as error:
                raise lost(message.id, error) from error
        message.receipt = _receipt(received, until)

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        try:
            receiver, received = self._of(message)
            with told(self._source, self._connection):
                if delay and self._source.can.delaying:
                    await self._schedule_copy(message, received, delay)
                    async with self._receiving.settling():
                        await receiver.complete_message(received)
                else:
                    async with self._receiving.settling():
                        await receiver.abandon_message(received)
        except (*LOST, SourceError) as error:
            if isinstance(error, SourceUnavailableError):
                raise
            _log.debug("message %s was no longer held when it was given back", message.id)
        self._forget(message)

    async def dead_letter(self, message: Message, reason: str) -> None:
        receiver, received = self._of(message)
        with told(self._source, self._connection):
            try:
                async with self._receiving.settling():
                    await receiver.dead_letter_message(
                        received, reason=REASON, error_description=reason[:REASON_LENGTH] or "no reason"
                    )
            except LOST as error:
                raise lost(message.id, error) from error
        self._forget(message)

    async def close(self) -> None:
        self._closed = True
        self._held.clear()
        await self._receiving.close()

    def _check_open(self) -> None:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of {self._source.what} is closed")

    async def _estimate(self, error: NoRightError) -> Measurement:
        if self._source.sessions:
            raise SourceUnavailableError(f"{error}: without it a queue with sessions cannot be counted") from error
        found = await self._receiving.browse(LOOKED_AT)
        _warn_estimate(self._source.what, str(error))
        return Measurement(sum(each.state == ServiceBusMessageState.ACTIVE for each in found), approximate=True)

    async def _schedule_copy(self, message: Message, received: ServiceBusReceivedMessage, delay: timedelta) -> None:
        copy = copy_of(received, {COUNT: message.dequeue_count, ID: message.id})
        copy.scheduled_enqueue_time_utc = datetime.now(UTC) + delay
        await self._receiving.send(copy)

    def _of(self, message: Message) -> tuple[ServiceBusReceiver, ServiceBusReceivedMessage]:
        self._check_open()
        held = self._held.get(message.receipt.partition(" ")[0])
        if held is None:
            raise lost(message.id)
        return held

    def _forget(self, message: Message) -> None:
        self._held.pop(message.receipt.partition(" ")[0], None)
        message.receipt = ""

    def _message(self, receiver: ServiceBusReceiver, received: ServiceBusReceivedMessage) -> Message:
        self._held[str(received.lock_token)] = receiver, received
        properties = properties_of(received)
        before = int(properties.pop(COUNT, "0"))
        first = properties.pop(ID, None)
        try:
            body = body_of(received)
        except ValueError as error:
            body, properties[UNREADABLE] = str(received).encode(errors="replace"), str(error)
        return Message(
            first or str(received.message_id or received.sequence_number),
            body,
            (received.delivery_count or 0) + 1 + before,
            received.enqueued_time_utc,
            properties,
            _receipt(received, locked_until(receiver, received)),
            key=received.session_id,
        )


def open_service_bus(request: SourceRequest) -> ServiceBusSource:
    """The source that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, ServiceBusSettings)
    connection = resolve_namespace(source.connection, request.environment)
    return ServiceBusSource(source, connection, request.clock, request.settings.max_dequeue_count)


@cache
def _warn_once(what: str, deliveries: int, tries: int) -> None:
    _log.warning(
        "%s moves messages to its dead letters after %s deliveries by itself, so maxDequeueCount (%s) is never reached "
        "and they get there without a reason: set MaxDeliveryCount of the entity above it",
        what,
        deliveries,
        tries,
    )


@cache
def _warn_estimate(what: str, why: str) -> None:
    _log.warning("%s: the backlog of %s is an estimate from a look at its first %s messages", why, what, LOOKED_AT)


def _receipt(received: ServiceBusReceivedMessage, until: datetime | None) -> str:
    """The lock token stays when a lock is renewed; with its end each receipt is another."""
    return f"{received.lock_token} {until.timestamp() if until else 0:.3f}"
