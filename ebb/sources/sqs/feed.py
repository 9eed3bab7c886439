"""Puts messages into a queue of Amazon SQS."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from ebb.core.contract.source import SourceRequest
from ebb.sources.sqs.client import SqsClient
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for
from ebb.sources.storage_queue.text import encode_body

LIMIT = 262_144  # bytes of a message; a queue may allow more since 2025, and none allows less


class SqsFeed:
    """A `Feed`. The queue is made if it is missing and is not another account's. A message is a group of its own."""

    def __init__(self, source: SqsSettings, client: SqsClient, host: str) -> None:
        self._source, self._client = source, client
        self.name, self.host = source.queue_name, host
        self._queue = SqsQueue(client, source.queue_name, source.account_id, create=source.account_id is None)

    def refusal(self, body: bytes) -> str | None:
        size = len(encode_body(body, self._source.message_encoding).encode())
        return None if 0 < size <= LIMIT else f"its text takes {size:,} bytes, a message of SQS has 1 to {LIMIT:,}"

    async def put(self, body: bytes) -> None:
        own = uuid.uuid4().hex
        await self._queue.send(encode_body(body, self._source.message_encoding), {}, own, own)

    async def close(self) -> None:
        await self._client.close()


def open_feed(request: SourceRequest) -> SqsFeed:
    """The feed of the queue that the settings name.

    Raises:
        SettingsError: no region is given.
    """
    source = request.settings.source
    assert isinstance(source, SqsSettings)
    client = client_for(source, request.environment, request.clock)
    return SqsFeed(source, client, urlsplit(client.endpoint).netloc)
