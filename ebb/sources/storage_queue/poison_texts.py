"""What a poison queue holds, as texts: envelopes with body and reason, and bodies too large for one.

One message may lie there twice: a put whose answer was lost is repeated, and a crash between put and delete brings the
message again. Both copies carry the id that it had in its own queue, so they are shown and handled as one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.contract.poison import Poisoned
from ebb.core.contract.source import UNREADABLE
from ebb.core.message import Message
from ebb.sources.storage_queue.text import TEXT_ENCODING, Encoding, QueueEntry, decode_body, encode_body, open_envelope

# Characters that JSON lets pass and XML 1.0 does not: escaped, so that an envelope can always be put.
_NO_XML = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}


@dataclass
class PoisonedCopies:
    """One poisoned message, and all its copies in the queue."""

    poisoned: Poisoned
    entries: list[QueueEntry] = field(default_factory=list[QueueEntry])


def about(message: Message, reason: str, now: datetime) -> dict[str, Any]:
    """What is kept of a poisoned message besides its body."""
    return {
        "reason": reason,
        "id": message.id,
        "dequeueCount": message.dequeue_count,
        "enqueuedAt": rfc3339(message.enqueued_at) if message.enqueued_at else None,
        "deadLetteredAt": rfc3339(now),
        **{key: message.properties[key] for key in (TEXT_ENCODING,) if key in message.properties},
    }


def poison_envelope(message: Message, reason: str, now: datetime) -> str:
    """What the poison queue gets: JSON with the body and why it is there (`open_envelope` gives both back)."""
    try:
        body, body_encoding = message.body.decode(), "text"
    except UnicodeDecodeError:
        body, body_encoding = base64.b64encode(message.body).decode(), "base64"
    envelope = {**about(message, reason, now), "body": body, "bodyEncoding": body_encoding}
    return json.dumps(envelope, ensure_ascii=False).translate(_NO_XML)


def unwrapped(message: Message, encoding: Encoding) -> str:
    """The text of a message without an envelope: as it was in its own queue."""
    if UNREADABLE in message.properties:
        return message.body.decode(errors="replace")
    own = message.properties.get(TEXT_ENCODING)
    return encode_body(message.body, "base64" if own == "base64" else encoding)


def digest(text: str) -> str:
    """What links a text without an envelope to the remark with its reason."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


class Folding:
    """Tells which messages the entries of a poison queue are; copies of one message are one.

    Texts without an envelope are told apart by their remarks: there are as many messages of one text as it has remarks,
    because each remark is written before its message; what goes beyond that is a copy. One object for one walk through
    the queue, page by page.
    """

    def __init__(self, encoding: Encoding, remarks: Mapping[str, Mapping[str, Any]]) -> None:
        """`remarks` are those of the queue, by the ids of the messages."""
        self._encoding: Encoding = encoding
        self._remarks = remarks
        self._unseen: dict[str, list[str]] = {}  # ids by the digest of their text
        self._last: dict[str, str] = {}
        for id_, note in sorted(remarks.items()):
            self._unseen.setdefault(str(note.get("digest")), []).append(id_)

    def fold(self, entries: Iterable[QueueEntry]) -> list[PoisonedCopies]:
        """The messages that `entries`, the next ones of the queue, are: in their order, each once."""
        found: dict[str, PoisonedCopies] = {}
        for entry in entries:
            poisoned = self._read(entry)
            found.setdefault(poisoned.id, PoisonedCopies(poisoned)).entries.append(entry)
        return list(found.values())

    def _read(self, entry: QueueEntry) -> Poisoned:
        stored, mark = _stored(entry, self._encoding), digest(entry.text)
        if mark not in self._unseen:
            return _poisoned(entry, *open_envelope(stored))
        unseen = self._unseen[mark]
        id_ = self._last[mark] = unseen.pop(0) if unseen else self._last[mark]
        return _poisoned(entry, stored, {key: value for key, value in self._remarks[id_].items() if key != "digest"})


def _stored(entry: QueueEntry, encoding: Encoding) -> bytes:
    try:
        return decode_body(entry.text, encoding)
    except ValueError:
        return entry.text.encode(errors="replace")


def _poisoned(entry: QueueEntry, body: bytes, known: Mapping[str, object]) -> Poisoned:
    original, reason = known.get("id"), known.get("reason")
    more = {key: value for key, value in known.items() if key not in ("reason", "id")}
    more["originalId"] = original
    if not known and entry.enqueued_at:
        more["deadLetteredAt"] = rfc3339(entry.enqueued_at)
    id_ = original if isinstance(original, str) and original else entry.id
    return Poisoned(id_, reason if isinstance(reason, str) else None, body, more)
