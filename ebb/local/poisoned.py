"""Which messages lie in a poison queue: read, and given back."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

SUFFIX = "-poison"
_HOLD = 60  # seconds; a storage queue shows only its first 32 messages to who does not take them
_AT_ONCE = 16  # given back at once


async def poisoned_ids(queue: QueueClient, encoding: str) -> set[str]:
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


def _original_id(text: str, encoding: str) -> str | None:
    try:
        envelope: Any = json.loads(base64.b64decode(text) if encoding == "base64" else text)
        return str(envelope["id"])
    except (ValueError, KeyError, TypeError):  # somebody else's message
        return None
