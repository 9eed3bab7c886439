"""The content of a large blob, read by ranges: what was read is as it was when the message was received."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from ebb.core.errors import SourceError
from ebb.core.settings.connection import Connection
from ebb.sources.blob.container import Container
from ebb.sources.storage_queue.account import open_account

CHUNK = 4 * 1024 * 1024  # bytes of one request


@dataclass(frozen=True)
class BlobContent:
    """A `Content`. It knows its account, so that it can be read in another process too."""

    connection: Connection = field(repr=False)
    container: str
    name: str
    etag: str
    size: int

    async def chunks(self) -> AsyncGenerator[bytes]:
        container = Container(open_account(self.connection, "blob"), self.container)
        for start in range(0, self.size, CHUNK):
            end = min(start + CHUNK, self.size) - 1
            headers = {"x-ms-range": f"bytes={start}-{end}", "if-match": self.etag}
            answer = await container.call("GET", self.name, headers=headers)
            if answer.status in (404, 412):
                raise SourceError(
                    f"blob {self.name} of container {self.container} has changed or gone while it was read"
                )
            yield container.check(answer, 206).body
