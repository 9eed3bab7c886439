"""One message taken from a source, as handlers and sources see it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, cast

from ebb.core.content import Content

Unsure = Literal["again", "skip", "poison"]


class Once(AbstractContextManager[bool, None], AbstractAsyncContextManager[bool, None], Protocol):
    """An effect that is to happen once: `with` it in a plain handler, `async with` in an async one."""


class Always:
    """Without a store, as in a unit test of a handler, every effect is the first."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        """Nothing was claimed."""

    async def __aenter__(self) -> bool:
        return True

    async def __aexit__(self, *_: object) -> None:
        """Nothing was claimed."""


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

    effects: Callable[[str, Unsure], Once] | None = field(default=None, repr=False, compare=False)  # likewise

    key: str | None = None  # what it is about: the source's own, or what `perKey` names

    def once(self, key: str, of: str | None = None, unsure: Unsure = "again") -> Once:
        """An effect that happens once for this message, also when its process dies and it comes again.

            with message.once("charge") as first:     # async with, in an async handler
                if first:
                    charge(order)

        Args:
            key: what is done; one message may have several effects.
            of: what it is done for, such as the number of an order: a message that is sent twice, or put back from the
                poison place, is another message of the same order. None: this message.
            unsure: what to do when a process died in the middle, so that nobody knows: do it "again" (it may happen
                twice), "skip" it (it may never happen), or send the message to the "poison" place for a person to look.

        Raises (on entering):
            RetryAfter: another try of the message is at it now.
            StoreError: the store is away; nothing was done.
        """
        if self.effects is None:
            return cast("Once", Always())
        return self.effects(f"{self.id if of is None else of}/{key}", unsure)

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

        import asyncio  # here, for the command line imports this module too, and has no use for it

        with asyncio.Runner() as runner:
            while (chunk := runner.run(following())) is not None:
                yield chunk

    def _whole(self) -> bytes:
        if self.content is not None:
            raise ValueError(f"the body of {self.id} has {self.content.size} bytes and was left out: read chunks()")
        return self.body
