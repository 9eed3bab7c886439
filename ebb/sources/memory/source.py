"""The in-memory twin of a queue, for tests and simulations: leases, receipts, dequeue counts and a poison place.

Queues live in a `MemoryBroker` and are shared by name. Time comes from the clock that is handed in, so that a lease
ends when a manual clock says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.core.message import Message
from ebb.sources.memory.settings import MemorySettings

VISIBLE_COUNT_LIMIT = 32  # beyond this a visible count includes leased messages, as the storage queue's peek does


@dataclass(slots=True)
class StoredMessage:
    """A message as it lies in the queue."""

    id: str
    body: bytes
    enqueued_at: datetime
    visible_at: datetime
    dequeue_count: int = 0
    receipt: str = ""
    key: str | None = None


@dataclass(slots=True)
class MemoryPoisoned:
    """A message in the poison place, and why."""

    id: str
    body: bytes
    reason: str
    dequeue_count: int


@dataclass
class MemoryQueue:
    """One queue; look at it, put into it. `fault`, while set, is raised by every call of a source on it."""

    messages: dict[str, StoredMessage] = field(default_factory=dict[str, StoredMessage])
    poisoned: list[MemoryPoisoned] = field(default_factory=list[MemoryPoisoned])
    fault: Exception | None = None


class MemoryBroker:
    """The queues of one process or one simulation."""

    def __init__(self, clock: Clock | None = None, create_missing: bool = True) -> None:
        self.clock = clock or SystemClock()
        self.queues: dict[str, MemoryQueue] = {}
        self._create_missing = create_missing
        self._numbers = count(1)

    def create(self, name: str) -> MemoryQueue:
        """The queue `name`, made if it is missing."""
        return self.queues.setdefault(name, MemoryQueue())

    def put(self, name: str, body: bytes | str, delay: timedelta = timedelta(), key: str | None = None) -> str:
        """Add a message of `key`, visible after `delay`; returns its id."""
        now, message_id = self.clock.now(), self.next_number()
        stored = StoredMessage(message_id, body.encode() if isinstance(body, str) else body, now, now + delay, key=key)
        self.create(name).messages[message_id] = stored
        return message_id

    def queue(self, name: str) -> MemoryQueue:
        """The queue `name`, for a source.

        Raises:
            SourceNotFoundError: there is none, and this broker does not make missing ones.
        """
        if name not in self.queues and not self._create_missing:
            raise SourceNotFoundError(f"queue {name} does not exist in memory: create it")
        queue = self.create(name)
        if queue.fault is not None:
            raise queue.fault
        return queue

    def next_number(self) -> str:
        """A text that this broker has not given before: ids and receipts."""
        return f"{next(self._numbers):08}"


BROKER = MemoryBroker()
"""The queues that sources of type `memory` share by default."""


class MemorySource:
    """A `Source` on one queue of a broker."""

    def __init__(self, broker: MemoryBroker, name: str, visible_only: bool = True, of_a_key: int | None = None) -> None:
        """`of_a_key`: so many messages of a key are given at once, the first ones; None: keys are not known."""
        self._broker, self._name, self._visible_only, self._of_a_key = broker, name, visible_only, of_a_key

    async def measure(self) -> Measurement:
        """As a storage queue counts: what is visible, or everything once that is 32 or more, or wanted."""
        messages, now = self._messages(), self._broker.clock.now()
        visible = [stored.enqueued_at for stored in messages.values() if stored.visible_at <= now]
        oldest = min(visible, default=None)
        if self._visible_only and len(visible) < VISIBLE_COUNT_LIMIT:
            return Measurement(len(visible), oldest=oldest)
        return Measurement(len(messages), approximate=True, oldest=oldest)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        now, received, passed = self._broker.clock.now(), list[Message](), Counter[str]()
        for stored in self._messages().values():
            if len(received) == limit:
                break
            if stored.visible_at <= now and self._may_go(stored, passed):
                stored.visible_at, stored.receipt = now + lease, self._broker.next_number()
                stored.dequeue_count += 1
                received.append(self._message(stored))
            if stored.key is not None:
                passed[stored.key] += 1
        return received

    async def complete(self, message: Message) -> None:
        if self._held(message):
            del self._messages()[message.id]

    async def extend(self, message: Message, lease: timedelta) -> None:
        stored = self._held(message)
        if stored is None:
            raise LeaseLostError(f"message {message.id} of queue {self._name} is gone")
        self._show(stored, message, lease)

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        try:
            stored = self._held(message)
        except LeaseLostError:
            return
        if stored is not None:
            self._show(stored, message, delay)

    async def dead_letter(self, message: Message, reason: str) -> None:
        poisoned = MemoryPoisoned(message.id, message.body, reason, message.dequeue_count)
        place = self._broker.queue(self._name).poisoned
        place[:] = [*(each for each in place if each.id != message.id), poisoned]  # once, however often it is put there
        await self.complete(message)

    async def close(self) -> None:
        """Nothing is held."""

    def _may_go(self, stored: StoredMessage, passed: Mapping[str, int]) -> bool:
        """Whether so few of its key come before it, in hand or waiting to be tried again."""
        return self._of_a_key is None or stored.key is None or passed[stored.key] < self._of_a_key

    def _message(self, stored: StoredMessage) -> Message:
        about = stored.id, stored.body, stored.dequeue_count, stored.enqueued_at
        return Message(*about, {}, stored.receipt, key=None if self._of_a_key is None else stored.key)

    def _messages(self) -> dict[str, StoredMessage]:
        return self._broker.queue(self._name).messages

    def _held(self, message: Message) -> StoredMessage | None:
        """What is stored of a message that the caller holds; None if it is gone."""
        stored = self._messages().get(message.id)
        if stored is not None and stored.receipt != message.receipt:
            raise LeaseLostError(f"message {message.id} of queue {self._name} is held by another receiver now")
        return stored

    def _show(self, stored: StoredMessage, message: Message, delay: timedelta) -> None:
        stored.visible_at = self._broker.clock.now() + delay
        stored.receipt = message.receipt = self._broker.next_number()


def open_memory(request: SourceRequest) -> MemorySource:
    """The source that the settings name, on this process's queues."""
    assert isinstance(request.settings.source, MemorySettings)
    visible_only = request.settings.queue_length_strategy == "visibleonly"
    source = request.settings.source
    of_a_key = (request.settings.messages_of_a_key or 1) if source.keyed else None
    return MemorySource(BROKER, source.queue_name, visible_only, of_a_key)
