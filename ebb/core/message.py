"""One message taken from a source, as handlers and sources see it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ebb.core.content import Content


@dataclass(slots=True)
class Message:
    """A message held under a lease by one execution.

    `receipt` belongs to the source: it proves the lease and changes when the lease is extended.
    """

    id: str
    body: bytes
    dequeue_count: int = 1  # how often it was received, this time included
    enqueued_at: datetime | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    receipt: str = ""
    content: Content | None = field(default=None, repr=False, compare=False)  # of a message whose body is left out
    report: Callable[[str], None] | None = field(default=None, repr=False, compare=False)  # set by the execution

    def progress(self, text: str) -> None:
        """Say how far the handler is, as in `message.progress("3 of 12 pages")`: operators see it within seconds."""
        if self.report is not None:
            self.report(text)

    @property
    def text(self) -> str:
        """The body as UTF-8 text.

        Raises:
            ValueError: the body is not UTF-8, or was left out.
        """
        return self._whole().decode()

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError: the body is not JSON, or was left out.
        """
        return json.loads(self._whole())

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The body in pieces, for `async for chunk in message.chunks()`: never whole in memory where it is large.

        Raises:
            SourceError: it cannot be read.
        """
        if self.content is None:
            yield self.body
            return
        async for chunk in self.content.chunks():
            yield chunk

    def blocks(self) -> Generator[bytes]:
        """As `chunks`, for a handler that is not `async`.

        Raises:
            RuntimeError: it is called from a coroutine, which has `chunks`.
        """
        chunks = self.chunks()

        async def following() -> bytes | None:
            return await anext(chunks, None)

        with asyncio.Runner() as runner:
            while (chunk := runner.run(following())) is not None:
                yield chunk

    def _whole(self) -> bytes:
        if self.content is not None:
            raise ValueError(f"the body of {self.id} has {self.content.size} bytes and was left out: read chunks()")
        return self.body
