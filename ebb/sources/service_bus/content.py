"""What is in a message of Service Bus: its body as bytes, its properties as text, and a copy that can be sent."""

from __future__ import annotations

from typing import Any

from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType

COUNT, ID = "ebb-dequeueCount", "ebb-id"  # of a copy: what was counted before it, and the first id


def body_of(received: ServiceBusReceivedMessage) -> bytes:
    """The body as bytes.

    Raises:
        ValueError: the body is not one of bytes or text.
    """
    body: Any = received.body
    if received.body_type == AmqpMessageBodyType.DATA:
        return b"".join(body)
    if isinstance(body, (bytes, str)):
        return body.encode() if isinstance(body, str) else body
    raise ValueError(f"the body is an AMQP {received.body_type.value}: send bytes or text")


def properties_of(received: ServiceBusReceivedMessage) -> dict[str, str]:
    """The application properties, as text."""
    given: dict[Any, Any] = received.application_properties or {}
    return {_text(name): _text(value) for name, value in given.items()}


def copy_of(received: ServiceBusReceivedMessage, added: dict[str, Any]) -> ServiceBusMessage:
    """A new message with the content of `received`. It has an id of its own: duplicate detection would drop it else."""
    own: dict[Any, Any] = {**(received.application_properties or {}), **added}
    for name in ("DeadLetterReason", "DeadLetterErrorDescription"):
        own.pop(name.encode(), None)
    return ServiceBusMessage(
        body_of(received),
        application_properties={_text(name): value for name, value in own.items()},
        session_id=received.session_id,
        subject=received.subject,
        content_type=received.content_type,
        correlation_id=received.correlation_id,
        reply_to=received.reply_to,
        to=received.to,
        time_to_live=received.time_to_live,
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
