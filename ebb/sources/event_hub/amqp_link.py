"""One link of an AMQP session: the messages that came on it, or the credit to send some, and why it has ended."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ebb.core.errors import SourceError
from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, UInt

FLOW, TRANSFER = 0x13, 0x14
ACCEPTED = 0x24
TIMEOUT = 15.0  # seconds for the answer to one frame
ROOM = 512  # bytes of a frame for the transfer itself


class AmqpError(SourceError):
    """The other side refuses or is gone; `condition` is its word for it, or empty."""

    def __init__(self, condition: str, text: str) -> None:
        super().__init__(text or condition)
        self.condition = condition


class Session(Protocol):
    """What a link needs of its connection."""

    @property
    def max_frame(self) -> int: ...

    def write(self, code: int, fields: list[Any], payload: bytes = b"") -> None:
        """Send one frame."""
        ...

    def window(self) -> list[Any]:
        """The session's part of a flow frame."""
        ...

    def promise(self) -> tuple[int, asyncio.Future[Described | None]]:
        """The number of the next delivery, and its outcome to come."""
        ...


class Link:
    """One link: deliveries that came in `arrived`, or credit to send. `fault` says why it has ended."""

    def __init__(self, connection: Session, handle: int, receives: bool) -> None:
        self.connection, self.handle, self.receives = connection, handle, receives
        self.arrived: deque[AmqpMessage] = deque()
        self.changed = asyncio.Event()
        self.attached = False
        self.fault: AmqpError | None = None
        self.credit = self.count = 0
        self.partial = b""

    def grant(self, credit: int) -> None:
        """Let the other side send up to `credit` messages from now on."""
        self.credit = credit
        self.connection.write(FLOW, [*self.connection.window(), UInt(self.handle), UInt(self.count), UInt(credit)])

    async def send(self, message: AmqpMessage) -> None:
        """Send one message and wait until it was taken.

        Raises:
            AmqpError: it was refused, or the link is gone.
        """
        await self.wait(lambda: self.credit > 0)
        raw = message.build()
        number, outcome = self.connection.promise()
        self.credit, self.count = self.credit - 1, self.count + 1
        room = self.connection.max_frame - ROOM
        for start in range(0, max(1, len(raw)), room):
            more = start + room < len(raw)
            fields = [UInt(self.handle), UInt(number), struct.pack(">I", number), UInt(0), False, more]
            self.connection.write(TRANSFER, fields, raw[start : start + room])
        state = await asyncio.wait_for(outcome, TIMEOUT)
        if state is not None and int(state.code) != ACCEPTED:
            raise error_of(state.value[0] if state.value else None, "the message was refused")

    async def wait(self, ready: Callable[[], bool], seconds: float = TIMEOUT) -> None:
        """Wait until `ready()` holds.

        Raises:
            AmqpError: the link has ended, or the time is over.
        """
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    if self.fault is not None:
                        raise self.fault
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AmqpError("", f"no answer within {seconds:g} s") from None

    def end(self, fault: AmqpError) -> None:
        """It has ended; who waits is told."""
        self.fault = self.fault or fault
        self.changed.set()


def error_of(given: Described | None, otherwise: str) -> AmqpError:
    """The error that the other side has `given`, in the fields of a frame; without a text it says `otherwise`."""
    fields = list(given.value) if given is not None else []
    condition, text = (*fields, None, None)[:2]
    return AmqpError(str(condition or ""), str(text or otherwise))
