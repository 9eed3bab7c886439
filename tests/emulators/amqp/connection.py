"""The server's end of one AMQP 1.0 connection, as much as the Azure SDKs speak: SASL, sessions, links, transfers.

Performatives are written with all their fields: azure-eventhub 5.15.1 takes them by index without a look at the length.
What it does not do: windows of sessions, transactions, resumed links.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from typing import Any

from ebb.sources.event_hub.amqp_values import (
    SYMBOLS,
    Array,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
    UShort,
    decode,
    encode,
)
from tests.emulators.amqp.link import ACCEPTED, DETACH, DISPOSITION, TRANSFER, Link, Node, Refusal

OPEN, BEGIN, ATTACH, END, CLOSE = 0x10, 0x11, 0x12, 0x17, 0x18
MECHANISMS = ("ANONYMOUS", "MSSBCBS", "PLAIN", "EXTERNAL")
FRAME = 65536
CREDIT = 1000  # messages that a sender may send ahead
MAX_MESSAGE = 1024 * 1024
_SASL = 3


class Connection:
    """One client. `serve` runs until it has gone."""

    def __init__(self, node: Node, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._node, self._reader, self._writer = node, reader, writer
        self.links: dict[tuple[int, int], Link] = {}
        self.unsettled: dict[int, tuple[Link, Any]] = {}
        self.claims: dict[str, Any] = {}  # by audience: what a token of this connection allows
        self.max_frame, self.next_number = FRAME, 0
        self._partial: dict[tuple[int, int], bytes] = {}
        self._takes = {
            OPEN: self._open, BEGIN: self._begin, ATTACH: self._attach, 0x13: self._flow, TRANSFER: self._transfer,
            DISPOSITION: self._disposition, DETACH: self._detach, END: self._end,
        }  # fmt: skip

    async def serve(self, first: bytes = b"") -> None:
        """Speak with the client; `first` is what was read of it already."""
        try:
            await self._greet(first)
            while (frame := await self._frame()) is not None:
                channel, code, fields, payload = frame
                if code == CLOSE:
                    self.write(channel, CLOSE, [None])
                    break
                if code:
                    self._takes[code](channel, fields + [None] * (14 - len(fields)), payload)
                await self._writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Cut the connection, without a word to the client."""
        links, self.links = list(self.links.values()), {}
        for link in links:
            self._node.gone(link)
        with suppress(RuntimeError):  # the loop may be closed
            self._writer.close()

    def number(self) -> int:
        """The number of the next delivery."""
        self.next_number += 1
        return self.next_number - 1

    def write(self, channel: int, code: int, fields: list[Any], payload: bytes = b"", kind: int = 0) -> None:
        """Send one frame."""
        body = encode(Described(ULong(code), fields)) + payload
        self._writer.write(struct.pack(">IBBH", len(body) + 8, 2, kind, channel) + body)

    def confirm(self, link: Link) -> None:
        """Answer an attach that was kept waiting."""
        link.attached = True
        self.write(link.channel, ATTACH, link.answer)
        if not link.sends:
            link.grant(CREDIT)

    def refuse(self, link: Link, refusal: Refusal) -> None:
        """Answer an attach with a link that ends at once."""
        link.answer[5 if link.sends else 6] = None  # a link that is refused has no such end
        self.write(link.channel, ATTACH, link.answer)
        link.detach(refusal)

    async def _greet(self, first: bytes) -> None:
        head = first + await self._reader.readexactly(8 - len(first))
        if head[4] == _SASL:
            self._writer.write(head)
            self.write(0, 0x40, [Array(SYMBOLS, [Symbol(each) for each in MECHANISMS])], kind=1)
            frame = await self._frame()
            welcome = frame is not None and self._may_enter(frame[2])
            self.write(0, 0x44, [UByte(0 if welcome else 1), None], kind=1)
            if not welcome:
                raise ConnectionError("not let in")
            head = await self._reader.readexactly(8)
        self._writer.write(head)

    def _may_enter(self, fields: list[Any]) -> bool:
        if fields[0] != "PLAIN":
            return fields[0] in MECHANISMS
        _, user, password = bytes(fields[1]).decode().split("\0")
        return self._node.authenticate(user, password)

    async def _frame(self) -> tuple[int, int, list[Any], bytes] | None:
        size, offset, _, channel = struct.unpack(">IBBH", await self._reader.readexactly(8))
        raw = (await self._reader.readexactly(size - 8))[offset * 4 - 8 :]
        if not raw:  # a sign of life
            return channel, 0, [], b""
        performative, at = decode(raw)
        return channel, int(performative.code), performative.value, raw[at:]

    def _open(self, channel: int, fields: list[Any], _: bytes) -> None:
        self.max_frame = min(fields[2] or FRAME, FRAME)
        idle = UInt(240_000)
        rest = [None, None, None, None, None]
        self.write(channel, OPEN, ["emulator", fields[1], UInt(FRAME), UShort(255), idle, *rest])

    def _begin(self, channel: int, _: list[Any], __: bytes) -> None:
        window = UInt(2**31 - 1)
        self.write(channel, BEGIN, [UShort(channel), UInt(0), window, window, UInt(255), None, None, None])

    def _attach(self, channel: int, fields: list[Any], _: bytes) -> None:
        source, target = (each.value if each else [] for each in (fields[5], fields[6]))
        sends = bool(fields[2])
        address = str(((source if sends else target) or [""])[0] or "")
        link = Link(
            self, channel, fields[1], fields[0], sends, address, source, target, fields[3] == 1, fields[13] or {}
        )
        link.answer = [
            fields[0], UInt(fields[1]), not sends, fields[3], fields[4], fields[5], fields[6], None, None,
            UInt(0), ULong(MAX_MESSAGE), None, None, None,
        ]  # fmt: skip
        self.links[channel, fields[1]] = link
        taken = self._node.attach(link)
        if isinstance(taken, Refusal):
            self.refuse(link, taken)
        elif taken:
            self.confirm(link)

    def _flow(self, channel: int, fields: list[Any], _: bytes) -> None:
        link = self.links.get((channel, fields[4])) if fields[4] is not None else None
        if link is None or not link.sends:
            return
        link.credit = (fields[5] or 0) + (fields[6] or 0) - link.count
        self._node.credited(link)
        drain = bool(fields[8])
        if drain:
            link.count += link.credit
            link.credit = 0
        if drain or fields[9]:
            link.grant(link.credit, drain)

    def _transfer(self, channel: int, fields: list[Any], payload: bytes) -> None:
        key = (channel, fields[0])
        link = self.links.get(key)
        if link is None:  # it was ended while this was on its way
            return
        if fields[1] is not None:
            link.incoming = (fields[1], bool(fields[4]))
        whole = self._partial.pop(key, b"") + payload
        if fields[5]:
            self._partial[key] = whole
            return
        number, settled = link.incoming
        link.count += 1
        outcome = self._node.received(link, whole)
        if not settled:
            self.write(channel, DISPOSITION, [True, UInt(number), UInt(number), True, outcome, False])
        if link.count % (CREDIT // 2) == 0:
            link.grant(CREDIT)

    def _disposition(self, channel: int, fields: list[Any], _: bytes) -> None:
        last = fields[2] if fields[2] is not None else fields[1]
        for number in range(fields[1], last + 1):
            if not fields[0] or number not in self.unsettled:
                continue
            link, context = self.unsettled.pop(number)
            outcome = self._node.settled(link, context, fields[4] or ACCEPTED)
            if not fields[3]:
                self.write(channel, DISPOSITION, [False, UInt(number), UInt(number), True, outcome, False])

    def _detach(self, channel: int, fields: list[Any], _: bytes) -> None:
        link = self.links.pop((channel, fields[0]), None)
        if link is not None:
            self._node.gone(link)
            self.write(channel, DETACH, [UInt(fields[0]), True, None])

    def _end(self, channel: int, _: list[Any], __: bytes) -> None:
        self.write(channel, END, [None])
