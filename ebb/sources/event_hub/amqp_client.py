"""A client's half of AMQP 1.0 over asyncio, as much as Event Hubs needs: one connection, one session, a few links.

The SDK opens each link in half a second and asks for each partition by itself: a lag of 32 partitions takes it 5 s, and
here one round trip. What is not here: web sockets, transactions, unsettled receives.
Frames: https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from contextlib import suppress
from typing import Any
from uuid import uuid4

from ebb.sources.event_hub.amqp_link import FLOW, TIMEOUT, TRANSFER, AmqpError, Link, error_of
from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, Symbol, UByte, UInt, ULong, UShort, decode, encode

OPEN, BEGIN, ATTACH, DISPOSITION, DETACH, END, CLOSE = 0x10, 0x11, 0x12, 0x15, 0x16, 0x17, 0x18
SOURCE, TARGET = 0x28, 0x29
TLS_PORT, PLAIN_PORT = 5671, 5672
BEAT = 30.0  # seconds between signs of life
WINDOW = 2**31 - 1
FRAME = 65536


class AmqpConnection:
    """An open connection. Made by `connect`; `close` ends it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host
        self._links: dict[int, Link] = {}
        self._by_name: dict[str, Link] = {}
        self._remote: dict[int, Link] = {}
        self._outcomes: dict[int, asyncio.Future[Described | None]] = {}
        self._sent = self._seen = 0
        self.max_frame = FRAME
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Greet, open the connection and its session."""
        self._writer.write(b"AMQP\x03\x01\x00\x00")
        await self._reader.readexactly(8)
        await self._frame()  # what mechanisms there are
        self.write(0x41, [Symbol("ANONYMOUS"), b"", self._host], kind=1)
        outcome = await self._frame()
        if outcome[1] and int(outcome[1][0]) != 0:
            raise AmqpError("amqp:unauthorized-access", "the connection was refused")
        self._writer.write(b"AMQP\x00\x01\x00\x00")
        await self._reader.readexactly(8)
        self.write(OPEN, [f"ebb-{uuid4()}", self._host, UInt(FRAME), UShort(1), UInt(240_000)])
        opened = await self._frame()
        self.max_frame = min(FRAME, opened[1][2] or FRAME) if len(opened[1]) > 2 else FRAME
        self.write(BEGIN, [None, UInt(0), UInt(WINDOW), UInt(WINDOW), UInt(255)])
        begun = await self._frame()
        self._seen = int(begun[1][1] or 0) if begun[0] == BEGIN else 0
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat())]

    async def attach(
        self,
        address: str,
        receives: bool,
        filters: dict[Any, Any] | None = None,
        properties: dict[Any, Any] | None = None,
        other: str = "",
    ) -> Link:
        """A link to or from `address`; deliveries to us come settled. `other` names our end of it.

        Raises:
            AmqpError: it was refused.
        """
        link = Link(self, len(self._links), receives)
        name = f"ebb-{uuid4()}"
        self._links[link.handle] = self._by_name[name] = link
        source = Described(ULong(SOURCE), [address if receives else other or name, *[None] * 6, filters])
        target = Described(ULong(TARGET), [other or name if receives else address])
        count = None if receives else UInt(0)
        settle = UByte(1 if receives else 0)
        fields = [name, UInt(link.handle), receives, settle, UByte(0), source, target, None, None, count]
        self.write(ATTACH, [*fields, None, None, None, properties])
        await link.wait(lambda: link.attached)
        # A refusal is an attach without an end, and then a detach that says why.
        await asyncio.sleep(0)
        if link.fault is not None:
            raise link.fault
        return link

    def write(self, code: int, fields: list[Any], payload: bytes = b"", kind: int = 0) -> None:
        """Send one frame."""
        body = encode(Described(ULong(code), fields)) + payload
        self._writer.write(struct.pack(">IBBH", len(body) + 8, 2, kind, 0) + body)

    def window(self) -> list[Any]:
        """The session's part of a flow frame."""
        return [UInt(self._seen), UInt(WINDOW), UInt(self._sent), UInt(WINDOW)]

    def promise(self) -> tuple[int, asyncio.Future[Described | None]]:
        """The number of the next delivery, and its outcome to come."""
        number, self._sent = self._sent, self._sent + 1
        outcome = self._outcomes[number] = asyncio.get_running_loop().create_future()
        return number, outcome

    async def close(self) -> None:
        """End it. Calling it again does nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self._writer.is_closing():
            with suppress(OSError):
                self.write(CLOSE, [None])
                self._writer.close()
        with suppress(OSError, asyncio.TimeoutError, ssl.SSLError):
            await asyncio.wait_for(self._writer.wait_closed(), 2)

    async def _listen(self) -> None:
        fault = AmqpError("", f"{self._host} ended the connection")
        try:
            while True:
                code, fields, payload = await self._frame()
                if code == CLOSE:
                    fault = error_of(fields[0] if fields else None, str(fault))
                    break
                if code:
                    self._take(code, fields + [None] * (14 - len(fields)), payload)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            for link in self._links.values():
                link.end(fault)
            for outcome in self._outcomes.values():
                if not outcome.done():
                    outcome.set_exception(fault)
                    outcome.exception()  # who waits no more need not hear of it
            self._outcomes.clear()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            self._writer.write(struct.pack(">IBBH", 8, 2, 0, 0))

    async def _frame(self) -> tuple[int, list[Any], bytes]:
        size, offset, _, _ = struct.unpack(">IBBH", await self._reader.readexactly(8))
        raw = (await self._reader.readexactly(size - 8))[offset * 4 - 8 :]
        if not raw:
            return 0, [], b""
        performative, at = decode(raw)
        return int(performative.code), performative.value, raw[at:]

    def _take(self, code: int, fields: list[Any], payload: bytes) -> None:
        if code == DISPOSITION:
            self._settled(fields)
        elif code == ATTACH:
            link = self._by_name[fields[0]]
            self._remote[int(fields[1])] = link
            link.count = int(fields[9] or 0) if link.receives else 0
            link.attached = fields[5 if link.receives else 6] is not None
            link.changed.set()
        elif code == TRANSFER:
            self._seen += 1
            self._transfer(self._remote[int(fields[0])], fields, payload)
        elif code == FLOW and fields[4] is not None:
            link = self._remote[int(fields[4])]
            if not link.receives:
                link.credit = int(fields[5] or 0) + int(fields[6] or 0) - link.count
                link.changed.set()
        elif code == DETACH:
            link = self._remote[int(fields[0])]
            link.end(error_of(fields[2], "the link was ended"))
        elif code == END:
            raise OSError("the session has ended")

    def _transfer(self, link: Link, fields: list[Any], payload: bytes) -> None:
        link.partial += payload
        if fields[5]:
            return
        raw, link.partial = link.partial, b""
        link.count += 1
        link.credit -= 1
        link.arrived.append(AmqpMessage.parse(raw))
        link.changed.set()

    def _settled(self, fields: list[Any]) -> None:
        last = fields[2] if fields[2] is not None else fields[1]
        for number in range(int(fields[1]), int(last) + 1):
            outcome = self._outcomes.pop(number, None)
            if outcome is not None and not outcome.done():
                outcome.set_result(fields[4])


async def connect(host: str, port: int | None, plain: bool) -> AmqpConnection:
    """A connection to a namespace, without saying yet who asks.

    Raises:
        AmqpError: it cannot be reached.
    """
    context = None if plain else ssl.create_default_context()
    at = port or (PLAIN_PORT if plain else TLS_PORT)
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(host, at, ssl=context)
            connection = AmqpConnection(reader, writer, host)
            try:
                await connection.start()
            except BaseException:  # a cancellation too leaves nothing open
                writer.close()
                raise
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise AmqpError("", f"{host}:{at} cannot be reached ({type(error).__name__}: {error})") from error
    return connection
