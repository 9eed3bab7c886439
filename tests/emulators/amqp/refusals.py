"""The words with which Service Bus refuses, as far as clients tell them apart."""

from __future__ import annotations

from tests.emulators.amqp.link import Refusal

LOST = Refusal(
    "com.microsoft:message-lock-lost",
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
)
SESSION_LOST = Refusal("com.microsoft:session-lock-lost", "The session lock has expired on the MessageSession.")
NEEDS_SESSION = Refusal(
    "amqp:not-allowed",
    "It is not possible for an entity that requires sessions to create a non-sessionful message receiver.",
)
NO_SESSIONS = Refusal(
    "amqp:not-allowed",
    "A sessionful message receiver cannot be created on an entity that does not require sessions.",
)
NO_SESSION_ID = Refusal(
    "amqp:not-allowed",
    "The SessionId was not set on a message, and it cannot be sent to the entity. Entities that have session support "
    "enabled can only receive messages that have the SessionId set to a valid value.",
)
NO_SESSION_FREE = Refusal("com.microsoft:timeout", "The operation did not complete within the allotted timeout.")
SESSION_TAKEN = Refusal("com.microsoft:session-cannot-be-locked", "The requested session cannot be accepted.")
BUSY = Refusal(
    "com.microsoft:server-busy", "The request was terminated because the entity is being throttled. Error code: 50002."
)
