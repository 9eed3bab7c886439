"""Events as messages: id, body as bytes, properties as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ebb.core.contract.source import UNREADABLE
from ebb.core.message import Message
from ebb.sources.event_hub.amqp_message import DATA, AmqpMessage
from ebb.sources.event_hub.amqp_values import Described, ULong


def message_of(partition: str, number: int, event: AmqpMessage, tries: int, epoch: int) -> Message:
    """The event as handlers see it; its id is `<partition>-<sequence number>`."""
    properties = properties_of(event)
    try:
        body = body_of(event)
    except ValueError as error:
        body, properties[UNREADABLE] = repr(event.value).encode(), str(error)
    when = event.annotations.get("x-opt-enqueued-time")
    enqueued = datetime.fromtimestamp(int(when) / 1000, UTC) if when is not None else None
    receipt, key = f"{partition} {number} {epoch} 0", key_of(partition, event)
    return Message(f"{partition}-{number}", body, tries, enqueued, properties, receipt, key=key)


def key_of(partition: str, event: AmqpMessage) -> str:
    """The event's partition key; of one without it its partition, which has an order too."""
    key = event.annotations.get("x-opt-partition-key")
    return partition if key is None else _text(key)


def body_of(event: AmqpMessage) -> bytes:
    """The body as bytes.

    Raises:
        ValueError: the body is not one of bytes or text.
    """
    if all(int(section.code) == DATA for section in event.body):
        return b"".join(section.value for section in event.body)
    value: Any = event.value
    if isinstance(value, (bytes, str)):
        return value.encode() if isinstance(value, str) else value
    raise ValueError("the body is an AMQP value or sequence: send bytes or text")


def properties_of(event: AmqpMessage) -> dict[str, str]:
    """The application properties, as text."""
    return {_text(name): _text(value) for name, value in event.application.items()}


def event_of(body: bytes, properties: dict[str, str]) -> AmqpMessage:
    """An event to send."""
    return AmqpMessage(application=dict(properties), body=[Described(ULong(DATA), body)])


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
