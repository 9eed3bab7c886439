"""What the API tells of messages that could not be handled, and what became of a request about them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from ebb.core.contract.poison import Poisoned
from ebb.core.document import COUNT, TEXT, TEXT_OR_NULL, Document, Json, Schema, member, parts

LONGEST_BODY = 64 * 1024  # characters of a body that are shown
_IDS: Schema = {"type": "array", "items": TEXT}


@dataclass(frozen=True, kw_only=True)
class PoisonedMessage(Document):
    """One message in a poison place, as people see it."""

    id: str = member(TEXT)
    reason: str | None = member(TEXT_OR_NULL, None)
    body: str = member(TEXT)
    body_encoding: str = member({"enum": ["text", "base64"]})
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what else its place knows of it

    @classmethod
    def of(cls, poisoned: Poisoned) -> Self:
        """The message, its body as text where it is some."""
        try:
            text, encoding = poisoned.body.decode(), "text"
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(poisoned.body).decode(), "base64"
        return cls(
            id=poisoned.id,
            reason=poisoned.reason,
            body=text[:LONGEST_BODY],
            body_encoding=encoding,
            about=poisoned.about,
        )

    def to_document(self) -> Json:
        """This message as plain JSON, what else is known among its own members."""
        return {**super().to_document(), **self.about}

    @classmethod
    def from_document(cls, data: Mapping[str, Any]) -> Self:
        """Read `data`; what is not a member of every message is in `about`."""
        message = super().from_document(data)
        return replace(message, about={key: data[key] for key in data if key not in message.to_document()})


@dataclass(frozen=True, kw_only=True)
class PoisonList(Document):
    """How many messages are in a poison place, and the first of them."""

    count: int = member(COUNT)
    value: tuple[PoisonedMessage, ...] = parts(PoisonedMessage)
    note: str | None = member(TEXT, None, said="why some cannot be seen, where that is so", left_out=True)


@dataclass(frozen=True, kw_only=True)
class Requeued(Document):
    """What came of putting messages back."""

    requeued: int = member(COUNT)
    remaining: int = member(COUNT)
    not_found: tuple[str, ...] = member(_IDS, (), said="ids asked for that are not there", left_out=True)


@dataclass(frozen=True, kw_only=True)
class Purged(Document):
    """What came of removing messages."""

    purged: int = member(COUNT)
    remaining: int = member(COUNT)
    not_found: tuple[str, ...] = member(_IDS, (), said="ids asked for that are not there", left_out=True)
