"""A message of AMQP 1.0 by its sections, and batches of messages as the Azure SDKs send them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import field as made
from typing import Any

from ebb.sources.event_hub.amqp_values import Described, ULong, decode, encode

HEADER, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, VALUE = 0x70, 0x72, 0x73, 0x74, 0x75, 0x77
_BODIES = (DATA, 0x76, VALUE)
_BATCHED = b"\x00\x53"  # a data section that begins like this holds a message


@dataclass
class AmqpMessage:
    """Sections that matter here; the body stays as it came."""

    header: list[Any] | None = None
    annotations: dict[Any, Any] = made(default_factory=dict[Any, Any])
    properties: list[Any] | None = None
    application: dict[Any, Any] = made(default_factory=dict[Any, Any])
    body: list[Described] = made(default_factory=list[Described])

    @classmethod
    def parse(cls, raw: bytes) -> AmqpMessage:
        """Read the sections of one message."""
        message, at = cls(), 0
        while at < len(raw):
            section, at = decode(raw, at)
            match int(section.code):
                case 0x70:
                    message.header = section.value
                case 0x72:
                    message.annotations = section.value
                case 0x73:
                    message.properties = section.value
                case 0x74:
                    message.application = section.value
                case code if code in _BODIES:
                    message.body.append(section)
                case _:  # delivery annotations and the footer
                    pass
        return message

    @classmethod
    def answer(cls, correlation: Any, application: dict[str, Any], body: Any) -> AmqpMessage:
        """The response to a request whose message id is `correlation`."""
        properties = [None, None, None, None, None, correlation]
        return cls(None, {}, properties, application, [Described(ULong(VALUE), body)])

    def unbatched(self) -> list[AmqpMessage]:
        """The messages that this one carries: itself, where it is not a batch."""
        inner = [each.value for each in self.body if int(each.code) == DATA and each.value[:2] == _BATCHED]
        return [AmqpMessage.parse(each) for each in inner] or [self]

    def copy(self) -> AmqpMessage:
        """Another message with the same content."""
        return replace(self, annotations=dict(self.annotations), application=dict(self.application))

    def build(self) -> bytes:
        """The message as it goes over the wire."""
        sections = (
            (HEADER, self.header),
            (ANNOTATIONS, self.annotations or None),
            (PROPERTIES, self.properties),
            (APPLICATION, self.application or None),
        )
        head = b"".join(encode(Described(ULong(code), value)) for code, value in sections if value is not None)
        return head + b"".join(map(encode, self.body))

    def field(self, index: int) -> Any:
        """The property at `index` of the section (0 message id, 10 group id); None where it is not given."""
        return self.properties[index] if self.properties and len(self.properties) > index else None

    @property
    def value(self) -> Any:
        """The body of a request or an answer."""
        return self.body[0].value if self.body else None
