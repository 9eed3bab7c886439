"""Puts documents into a container of blobs, each under a name of its own."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from ebb.core.clock import Clock
from ebb.core.contract.source import SourceRequest
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.blob.container import Container
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.storage_queue.account import open_account


class BlobFeed:
    """A `Feed`. The container is made if it is missing; names begin with the time, so that their order is that."""

    def __init__(self, source: BlobSettings, connection: Connection, clock: Clock) -> None:
        self._source, self._connection, self._clock = source, connection, clock
        self.name, self.host = source.label(), urlsplit(connection.endpoint("blob")).netloc

    def refusal(self, body: bytes) -> str | None:
        return None

    async def put(self, body: bytes) -> None:
        container = Container(open_account(self._connection, "blob"), self._source.container_name, create=True)
        folder = f"{self._source.prefix}/" if self._source.prefix else ""
        name = f"{folder}{self._clock.now():%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:8]}.txt"
        container.check(await container.put(name, body), 201)

    async def close(self) -> None:
        """The connections are the storage account's."""


def open_feed(request: SourceRequest) -> BlobFeed:
    """The feed of the container that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, BlobSettings)
    return BlobFeed(source, resolve_connection(source.connection, request.environment), request.clock)
