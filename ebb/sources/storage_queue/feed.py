"""Puts messages into a storage queue."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from ebb.core.contract.source import SourceRequest
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.text import encode_body, refusal


class StorageQueueFeed:
    """A `Feed`. The queue is made if it is missing."""

    def __init__(self, source: StorageQueueSettings, connection: Connection) -> None:
        self._source, self._connection = source, connection
        self.name, self.host = source.queue_name, urlsplit(connection.endpoint("queue")).netloc
        self._making = asyncio.Lock()
        self._client: QueueClient | None = None

    def refusal(self, body: bytes) -> str | None:
        return refusal(encode_body(body, self._source.message_encoding))

    async def put(self, body: bytes) -> str:
        queue = await self.make()
        return (await queue.put(encode_body(body, self._source.message_encoding))).id

    async def make(self) -> QueueClient:
        """The queue, which is there from now on.

        Raises:
            SourceUnavailableError: it cannot be reached or made.
        """
        async with self._making:
            if self._client is None:
                client = QueueClient(open_account(self._connection), self.name, create=True)
                await client.create()
                self._client = client
        return self._client

    async def count(self) -> int:
        """About how many messages the queue holds: those that somebody works on are counted too.

        Raises:
            SourceError: it cannot be reached.
        """
        return await (await self.make()).count_all()

    async def close(self) -> None:
        """The connections are the storage account's."""


def open_feed(request: SourceRequest) -> StorageQueueFeed:
    """The feed of the queue that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, StorageQueueSettings)
    return StorageQueueFeed(source, resolve_connection(source.connection, request.environment))
