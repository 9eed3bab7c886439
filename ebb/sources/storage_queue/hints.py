"""What will go wrong with a storage queue: it is not there, its texts are not as the settings say, its poison waits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ebb.core.settings.source_settings import SourceModel
from ebb.core.wording import counted
from ebb.sources.hints import AccountLook, Hint
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import POISON_SUFFIX
from ebb.sources.storage_queue.text import encoding_of


def look_in_account(source: SourceModel, look: AccountLook) -> Iterator[Hint]:
    """A few requests: the counts of the queue and of its poison queue, and a peek where something waits."""
    assert isinstance(source, StorageQueueSettings)
    count = look.queue_count(source.queue_name)
    if count is None and not source.create_queue:
        yield Hint(
            "queue-missing",
            f"there is no queue {source.queue_name}",
            "each cycle fails until there is one",
            "create it, or set createQueue: true",
            is_error=True,
        )
    if count:
        yield from _encoding(source, look.peek(source.queue_name))
    poisoned = look.queue_count(source.queue_name + POISON_SUFFIX)
    if poisoned:
        yield Hint(
            "poison-waiting",
            f"{counted(poisoned, 'message')} in {source.queue_name}{POISON_SUFFIX}",
            "they were given up and nobody handles them",
            "look at their reasons, fix the handler, and put them back",
        )


def _encoding(source: StorageQueueSettings, texts: list[str]) -> Iterator[Hint]:
    if not texts:
        return
    encoded = [text for text in texts if _is_base64(text)]
    if source.message_encoding == "auto":
        yield from _mix(texts)
    if source.message_encoding == "base64" and len(encoded) < len(texts):
        yield Hint(
            "encoding-mismatch",
            f"{len(texts) - len(encoded)} of {len(texts)} messages looked at are not base64, messageEncoding is base64",
            "they go to the poison queue unread",
            "set messageEncoding: none, or let the sender encode",
            is_error=True,
        )
    if source.message_encoding == "none" and len(encoded) == len(texts) and all(_says_text(text) for text in texts):
        yield Hint(
            "encoding-mismatch",
            f"all {len(texts)} messages looked at are base64 of a text, messageEncoding is none",
            "handlers get the encoded text",
            "set messageEncoding: base64, or let the sender not encode",
        )


def _mix(texts: list[str]) -> Iterator[Hint]:
    encoded = sum(encoding_of(text) == "base64" for text in texts)
    if 0 < encoded < len(texts):
        yield Hint(
            "encoding-mixed",
            f"of {len(texts)} messages looked at {encoded} are base64 and the others plain text",
            "each is read as what it is; with Azure Functions, whose queues are base64 or none, a part would be poison",
            "let all senders write the same, and set messageEncoding to it",
        )


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _says_text(text: str) -> bool:
    """Whether what is encoded is readable text; a short word or number is valid base64 too, of bytes that are none."""
    try:
        return base64.b64decode(text).decode().isprintable()
    except (binascii.Error, ValueError):
        return False
