"""Queues of Service Bus as they behave: peek-lock, delivery counts, dead letters, sessions, scheduled messages.

What they do not do: rules and filters of subscriptions, forwarding, duplicate detection, transactions, deferral.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, Int, Stamp, Symbol, UByte, UInt, ULong
from tests.emulators.amqp import refusals
from tests.emulators.amqp.link import ACCEPTED, REJECTED_CODE, Link, Refusal

DEAD_LETTERS = "/$DeadLetterQueue"
GROUP_ID = 10  # place of the session in the properties
ACTIVE, SCHEDULED = 0, 2
SCHEDULE = Symbol("x-opt-scheduled-enqueue-time")
SESSION_FILTER, WAIT = "com.microsoft:session-filter", "com.microsoft:timeout"
LONGEST_WAIT = 60_000  # milliseconds for a session, unless the client says less


def stamp(seconds: float) -> Stamp:
    """A time of AMQP from seconds since 1970."""
    return Stamp(int(seconds * 1000))


@dataclass(eq=False)
class Held:
    """A message in a queue."""

    message: AmqpMessage
    sequence: int
    enqueued: float
    due: float = 0.0  # a scheduled one cannot be received before
    count: int = 0  # deliveries so far
    lock: uuid.UUID | None = None
    until: float = 0.0

    @property
    def session(self) -> Any:
        """The session that it belongs to."""
        return self.message.field(GROUP_ID)


@dataclass(eq=False)
class Session:
    """A session that a receiver holds."""

    id: str
    link: Link
    until: float
    state: bytes | None = None


@dataclass(eq=False)
class Queue:
    """A queue, a subscription, or the dead letters of one of them."""

    name: str
    lock_duration: float = 30.0
    max_delivery: int = 10
    sessions: bool = False
    items: dict[int, Held] = field(default_factory=dict[int, Held])
    links: list[Link] = field(default_factory=list[Link])
    held: dict[str, Session] = field(default_factory=dict[str, Session])
    dead: Queue | None = None
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        if not self.name.endswith(DEAD_LETTERS):
            self.dead = Queue(self.name + DEAD_LETTERS, self.lock_duration)

    def put(self, message: AmqpMessage) -> Described:
        """Take a message that was sent; its outcome."""
        if self.sessions and message.field(GROUP_ID) is None:
            return refusals.NO_SESSION_ID.rejected()
        due = message.annotations.get(SCHEDULE)
        self.add(message, float(due) / 1000 if due else 0.0)
        self.pump()
        return ACCEPTED

    def add(self, message: AmqpMessage, due: float = 0.0) -> int:
        """Put a message at the end, to be received from `due` on; its sequence number."""
        number = next(self.numbers)
        self.items[number] = Held(message, number, max(time.time(), due), due)
        return number

    def counts(self) -> tuple[int, int]:
        """How many are active, locked ones among them, and how many are scheduled."""
        self.expire()
        scheduled = sum(held.due > time.time() for held in self.items.values())
        return len(self.items) - scheduled, scheduled

    def attach(self, link: Link) -> Refusal | bool:
        """Let a receiver in; False while it waits for a session."""
        filters = link.source[7] if len(link.source) > 7 and link.source[7] else {}
        wants = SESSION_FILTER in filters
        if wants != self.sessions:
            return refusals.NO_SESSIONS if wants else refusals.NEEDS_SESSION
        if not wants:
            self.links.append(link)
            return True
        link.about = filters[SESSION_FILTER]
        if link.about in self.held:
            return refusals.SESSION_TAKEN
        self.links.append(link)
        link.gives_up = time.time() + (link.properties.get(WAIT) or LONGEST_WAIT) / 1000
        return self._give_session(link)

    def detach(self, link: Link) -> None:
        """A receiver has gone: its session is free; locks of other messages stay until they end."""
        if link in self.links:
            self.links.remove(link)
        for session in [each for each in self.held.values() if each.link is link]:
            self._free(session)
        self.pump()

    def expire(self) -> None:
        """Take back what was locked for too long."""
        now = time.time()
        for session in [each for each in self.held.values() if each.until < now]:
            self._free(session)
            session.link.detach(refusals.SESSION_LOST)
            self.detach(session.link)
        for held in list(self.items.values()):
            if held.lock and not self.sessions and held.until < now:
                self._take_back(held)

    def pump(self) -> None:
        """Deliver what can be delivered."""
        self.expire()
        for link in list(self.links):
            if not link.attached:
                if self._give_session(link):
                    link.connection.confirm(link)
                elif link.gives_up < time.time():
                    self.links.remove(link)
                    link.connection.refuse(link, refusals.NO_SESSION_FREE)
                continue
            for held in list(self.items.values()):
                if link.credit <= 0:
                    break
                if self._may_go(held, link):
                    self._deliver(held, link)

    def settle(self, held: Held, lock: uuid.UUID, outcome: Described) -> Described:
        """What the receiver says of a delivery; the outcome that is confirmed."""
        self.expire()
        if held.lock != lock or held.sequence not in self.items:
            return refusals.LOST.rejected()
        match int(outcome.code):
            case 0x24:
                del self.items[held.sequence]
            case 0x25:
                error = outcome.value[0].value if outcome.value and outcome.value[0] else [None, None, None]
                about = error[2] or {}
                self.bury(held, about.get("DeadLetterReason"), about.get("DeadLetterErrorDescription"))
                outcome = Described(ULong(REJECTED_CODE), [])  # with the error the SDK takes it for a refusal
            case 0x26:
                held.count -= 1  # released: never looked at
                self._take_back(held)
            case _:
                self._take_back(held)
        self.pump()
        return outcome

    def bury(self, held: Held, reason: str | None, text: str | None) -> None:
        """Move a message to the dead letters."""
        del self.items[held.sequence]
        message = held.message.copy()
        message.application |= {"DeadLetterReason": reason, "DeadLetterErrorDescription": text}
        message.annotations[Symbol("x-opt-deadletter-source")] = self.name
        if self.dead is not None:
            self.dead.add(message)
            self.dead.pump()

    def wire(self, held: Held) -> bytes:
        """The message with what the service adds."""
        scheduled = held.due > time.time()
        added: dict[Any, Any] = {
            Symbol("x-opt-sequence-number"): held.sequence,
            Symbol("x-opt-enqueued-time"): stamp(held.enqueued),
            Symbol("x-opt-message-state"): Int(SCHEDULED if scheduled else ACTIVE),
        }
        if held.lock:
            added[Symbol("x-opt-locked-until")] = stamp(held.until)
        message = held.message.copy()
        message.header = [True, UByte(4), None, False, UInt(max(0, held.count - 1))]
        message.annotations |= added
        return message.build()

    def _may_go(self, held: Held, link: Link) -> bool:
        if held.lock or held.due > time.time():
            return False
        return not self.sessions or held.session == link.about

    def _deliver(self, held: Held, link: Link) -> None:
        held.lock, held.until = uuid.uuid4(), time.time() + self.lock_duration
        held.count += 1
        link.send(self.wire(held), held.lock.bytes_le, None if link.settled else (held, held.lock))
        if link.settled:
            del self.items[held.sequence]

    def _take_back(self, held: Held) -> None:
        held.lock = None
        if held.count >= self.max_delivery and self.dead:
            text = f"Message could not be consumed after {self.max_delivery} delivery attempts."
            self.bury(held, "MaxDeliveryCountExceeded", text)

    def _give_session(self, link: Link) -> bool:
        """Give the link the session that it asks for, or else the next one with messages."""
        waiting = (each.session for each in self.items.values() if each.due <= time.time())
        wanted = link.about if link.about is not None else next((s for s in waiting if s not in self.held), None)
        if wanted is None or wanted in self.held:
            return False
        until = time.time() + self.lock_duration
        self.held[wanted] = Session(wanted, link, until)
        link.about = wanted
        source = list(link.source)
        source[7] = {Symbol(SESSION_FILTER): wanted}
        link.answer[5] = Described(ULong(0x28), source)
        link.answer[13] = {Symbol("com.microsoft:locked-until-utc"): int(until * 10_000_000) + 621_355_968_000_000_000}
        return True

    def _free(self, session: Session) -> None:
        self.held.pop(session.id, None)
        for held in list(self.items.values()):
            if held.lock and held.session == session.id:
                self._take_back(held)
