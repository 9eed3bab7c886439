"""The queues that the schedules drain: there, readable, written as the settings say, and what lies in poison."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from ebb.cli.doctor.finding import Finding, error, warning
from ebb.cli.doctor.storage import StorageLook
from ebb.core.wording import counted
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.text import encoding_of

POISON = "-poison"


def check_queues(schedule: str, source: StorageQueueSettings, look: StorageLook) -> Iterator[Finding]:
    """Findings on the queue of one source of `schedule`."""
    count = look.queue_count(source.queue_name)
    if count is None and not source.create_queue:
        yield error(
            "queue-missing",
            f"schedule {schedule}: there is no queue {source.queue_name}",
            "each cycle fails until there is one",
            "create it, or set createQueue: true",
        )
    if count:
        yield from _encoding(schedule, source, look)
    poisoned = look.queue_count(source.queue_name + POISON)
    if poisoned:
        yield warning(
            "poison-waiting",
            f"schedule {schedule}: {counted(poisoned, 'message')} in {source.queue_name}{POISON}",
            "they were given up and nobody handles them",
            "look at their reasons, fix the handler, and put them back",
        )


def _encoding(schedule: str, source: StorageQueueSettings, look: StorageLook) -> Iterator[Finding]:
    texts = [str(message.content) for message in look.peek(source.queue_name)]
    if not texts:
        return
    encoded = [text for text in texts if _is_base64(text)]
    if source.message_encoding == "auto":
        yield from _mix(schedule, texts)
    if source.message_encoding == "base64" and len(encoded) < len(texts):
        yield error(
            "encoding-mismatch",
            f"schedule {schedule}: {len(texts) - len(encoded)} of {len(texts)} messages looked at are not base64, "
            "messageEncoding is base64",
            "they go to the poison queue unread",
            "set messageEncoding: none, or let the sender encode",
        )
    if source.message_encoding == "none" and len(encoded) == len(texts) and all(_says_text(text) for text in texts):
        yield warning(
            "encoding-mismatch",
            f"schedule {schedule}: all {len(texts)} messages looked at are base64 of a text, messageEncoding is none",
            "handlers get the encoded text",
            "set messageEncoding: base64, or let the sender not encode",
        )


def _mix(schedule: str, texts: list[str]) -> Iterator[Finding]:
    encoded = sum(encoding_of(text) == "base64" for text in texts)
    if 0 < encoded < len(texts):
        yield warning(
            "encoding-mixed",
            f"schedule {schedule}: of {len(texts)} messages looked at {encoded} are base64 and the others plain text",
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
