"""Deliveries that are held on a channel until they are settled, or their lease ends by our own clock.

RabbitMQ knows no lease: a message is its receiver's for as long as the channel is open. So that a message whose handler
was forgotten comes back, each gets a time here; when it is over, the message is put back.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from ebb.core.errors import LeaseLostError
from ebb.core.message import Message
from ebb.sources.rabbit_mq.broker_connection import FAULTS

_log = logging.getLogger("ebb.source")


@dataclass(eq=False)
class Delivery:
    """One message as the broker gave it."""

    incoming: AbstractIncomingMessage
    channel: AbstractChannel
    expiry: asyncio.TimerHandle


class Deliveries:
    """What is held, by its receipt: a number that never comes again, and how often its lease was extended."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._held: dict[str, Delivery] = {}
        self._lost: dict[str, str] = {}  # receipt number: why
        self._numbers = count(1)
        self._going_back: set[asyncio.Task[None]] = set()

    def add(self, incoming: AbstractIncomingMessage, channel: AbstractChannel, seconds: float) -> str:
        """Hold a delivery for so many seconds; its receipt."""
        number = str(next(self._numbers))
        expiry = asyncio.get_running_loop().call_later(seconds, self._expire, number)
        self._held[number] = Delivery(incoming, channel, expiry)
        return f"{number} 0"

    def extend(self, message: Message, seconds: float) -> None:
        """Hold it for `seconds` from now on.

        Raises:
            LeaseLostError: it is settled or lost.
        """
        number, _, times = message.receipt.partition(" ")
        delivery = self._held.get(number)
        if delivery is None:
            raise LeaseLostError(f"message {message.id} of queue {self._queue} is gone{self._why(number)}")
        if delivery.channel.is_closed:
            raise self._closed(message, number)
        delivery.expiry.cancel()
        delivery.expiry = asyncio.get_running_loop().call_later(seconds, self._expire, number)
        message.receipt = f"{number} {int(times) + 1}"

    def take(self, message: Message) -> AbstractIncomingMessage | None:
        """What is to be settled now; None if it is settled already.

        Raises:
            LeaseLostError: it has gone back to the queue.
        """
        number = message.receipt.partition(" ")[0]
        delivery = self._held.pop(number, None)
        if delivery is None:
            if number in self._lost:
                raise LeaseLostError(f"message {message.id} of queue {self._queue} was lost{self._why(number)}")
            return None
        delivery.expiry.cancel()
        if delivery.channel.is_closed:
            raise self._closed(message, number)
        return delivery.incoming

    def clear(self) -> None:
        """Forget everything: the connection closes."""
        for delivery in self._held.values():
            delivery.expiry.cancel()
        self._held.clear()

    def _expire(self, number: str) -> None:
        delivery = self._held.pop(number, None)
        if delivery is not None:
            self._lost[number] = "its lease has ended"
            task = asyncio.create_task(put_back(delivery.incoming))
            self._going_back.add(task)
            task.add_done_callback(self._going_back.discard)

    def _closed(self, message: Message, number: str) -> LeaseLostError:
        self._held.pop(number, None)
        self._lost[number] = (
            "the broker or the network closed its channel. If the log of the broker says 'delivery acknowledgement "
            "timed out', raise its consumer_timeout above the longest handler"
        )
        return LeaseLostError(f"message {message.id} of queue {self._queue} was lost{self._why(number)}")

    def _why(self, number: str) -> str:
        return f": {self._lost[number]}" if number in self._lost else ""


async def put_back(incoming: AbstractIncomingMessage) -> None:
    """Give it to the queue again, if its channel is still there: else it is there already."""
    with suppress(*FAULTS):
        await incoming.reject(requeue=True)
