"""A link of AMQP 1.0 as the server sees it, what it delivers, and the words for outcomes and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ebb.sources.event_hub.amqp_values import Described, Symbol, UInt, ULong

if TYPE_CHECKING:
    from tests.emulators.amqp.connection import Connection

FLOW, TRANSFER, DISPOSITION, DETACH = 0x13, 0x14, 0x15, 0x16
ACCEPTED_CODE, REJECTED_CODE, RELEASED_CODE, MODIFIED_CODE = 0x24, 0x25, 0x26, 0x27
ACCEPTED = Described(ULong(ACCEPTED_CODE), [])
_ERROR, _SECTIONS = 0x1D, 512  # room in a frame for the transfer itself


class Refusal(NamedTuple):
    """Why a link, a message or a request is refused."""

    condition: str
    text: str

    def error(self) -> Described:
        """As a link or a connection is told."""
        return Described(ULong(_ERROR), [Symbol(self.condition), self.text, None])

    def rejected(self) -> Described:
        """As the outcome of a delivery."""
        return Described(ULong(REJECTED_CODE), [self.error()])


@dataclass(eq=False)
class Link:
    """One link. `sends` means that the client receives."""

    connection: Connection
    channel: int
    handle: int
    name: str
    sends: bool
    address: str
    source: list[Any]
    target: list[Any]
    settled: bool  # deliveries are settled as they are sent
    properties: dict[Any, Any]
    credit: int = 0
    count: int = 0  # deliveries so far
    incoming: tuple[int, bool] = (0, False)  # number of the delivery under way, and whether it came settled
    place: Any = None  # who serves the address
    about: Any = None  # what that one keeps of this link
    attached: bool = False
    gives_up: float = 0.0  # until when the attach may be kept waiting
    answer: list[Any] = field(default_factory=list[Any])  # the attach frame that the server sends

    def send(self, raw: bytes, tag: bytes, context: Any = None) -> None:
        """Deliver one message in as many frames as it takes."""
        connection = self.connection
        number = connection.number()
        self.credit -= 1
        self.count += 1
        settled = self.settled or context is None
        if not settled:
            connection.unsettled[number] = (self, context)
        room = connection.max_frame - _SECTIONS
        for start in range(0, max(1, len(raw)), room):
            more = start + room < len(raw)
            fields = [UInt(self.handle), UInt(number), tag, UInt(0), settled, more, None, None, None, None, None]
            connection.write(self.channel, TRANSFER, fields, raw[start : start + room])

    def detach(self, refusal: Refusal) -> None:
        """End the link, saying why."""
        self.connection.write(self.channel, DETACH, [UInt(self.handle), True, refusal.error()])
        self.connection.links.pop((self.channel, self.handle), None)

    def grant(self, credit: int, drain: bool = False) -> None:
        """Let the other side send `credit` messages, or say that what was granted is used up."""
        window = UInt(2**31 - 1)
        fields = [UInt(0), window, UInt(self.connection.next_number), window, UInt(self.handle), UInt(self.count)]
        self.connection.write(self.channel, FLOW, [*fields, UInt(credit), None, drain, False, None])


class Node(Protocol):
    """Who serves the addresses of a connection."""

    def authenticate(self, user: str, password: str) -> bool:
        """Whether SASL PLAIN lets this one in."""
        ...

    def attach(self, link: Link) -> Refusal | bool:
        """Take a link: True answers at once, False later by `Connection.confirm`."""
        ...

    def credited(self, link: Link) -> None:
        """The client takes more messages."""
        ...

    def received(self, link: Link, raw: bytes) -> Described:
        """A message came; its outcome."""
        ...

    def settled(self, link: Link, context: Any, outcome: Described) -> Described:
        """The client settled what was delivered; the outcome that the server confirms."""
        ...

    def gone(self, link: Link) -> None:
        """The link has ended."""
        ...
