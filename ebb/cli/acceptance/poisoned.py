"""Which messages lie in a poison queue: read, and given back."""

from __future__ import annotations

import asyncio

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from ebb.sources.storage_queue.text import Encoding, decode_body, open_envelope

_HOLD = 60  # seconds; a storage queue shows only its first 32 messages to who does not take them
_AT_ONCE = 16  # given back at once


async def poisoned_ids(queue: QueueClient, encoding: Encoding) -> set[str]:
    """The ids under which the messages in `queue` were put, before they were poisoned; nothing if there is no queue.

    Raises:
        AzureError: the queue cannot be reached.
    """
    held: list[QueueMessage] = []
    try:
        async for message in queue.receive_messages(messages_per_page=32, visibility_timeout=_HOLD):
            held.append(message)  # noqa: PERF401 - what was taken before an error is given back too
    except ResourceNotFoundError:
        return set()
    finally:
        for start in range(0, len(held), _AT_ONCE):
            some = held[start : start + _AT_ONCE]
            await asyncio.gather(*(queue.update_message(message, visibility_timeout=0) for message in some))
    return {found for message in held if (found := _original_id(str(message.content), encoding))}


def _original_id(text: str, encoding: Encoding) -> str | None:
    try:
        _, envelope = open_envelope(decode_body(text, encoding))
    except ValueError:  # somebody else's message
        return None
    return str(envelope["id"]) if "id" in envelope else None
