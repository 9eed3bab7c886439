"""Puts the messages of a run that is accounted for, and remembers under which ids: numbers, and some that are none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from functools import partial

from ebb.cli.local.errors import LocalError
from ebb.cli.operate.producer import put_all, unix_times
from ebb.core.contract.poison import ListingPoisonPlace
from ebb.core.errors import SourceError
from ebb.sources.feed import CountingFeed

DEPTH = 256  # messages; the cost of the emulator's every call grows with what it stores
_LOOK = 0.05  # seconds between looks at a queue that is deep enough


class AccountedFeed:
    """A `Feed` of one queue that remembers what it put."""

    def __init__(self, feed: CountingFeed, poison: ListingPoisonPlace) -> None:
        """`poison` is the place for the messages of the same queue that no handler can read."""
        self.name, self.host = feed.name, feed.host
        self.values: dict[str, int] = {}  # message id to value
        self.unreadable: set[str] = set()  # ids of messages that are not numbers
        self.started_at: float | None = None  # time.time() of the first put
        self.begun = asyncio.Event()  # the first messages are in the queue, or never will be
        self._feed, self._poison = feed, poison
        self._gone = 0  # so many have left the queue, when it was last asked

    async def feed(self, count: int, unreadable: int = 0, depth: int | None = None) -> None:
        """Put `count` consecutive UNIX times, and spread `unreadable` others among them.

        Args:
            depth: wait while about so many messages are in the queue; None puts all at once.

        Raises:
            LocalError: the queue cannot be reached.
        """
        self.started_at = time.time()
        bodies = sample_bodies(count, unreadable)
        try:
            await put_all(self, bodies, partial(self._before, depth))
        except SourceError as error:
            raise LocalError(f"cannot put messages into {self.name}: {error}") from error
        finally:
            self.begun.set()

    async def make(self) -> None:
        """Make the queue if it is missing.

        Raises:
            LocalError: it cannot be reached.
        """
        try:
            await self._feed.make()
        except SourceError as error:
            raise LocalError(f"cannot put messages into {self.name}: {error}") from error

    def refusal(self, body: bytes) -> str | None:
        return self._feed.refusal(body)

    async def put(self, body: bytes) -> str:
        id_ = await self._feed.put(body)
        if body.isdigit():
            self.values[id_] = int(body)
        else:
            self.unreadable.add(id_)
        return id_

    async def poisoned(self) -> set[str]:
        """Which of the messages put here are in the poison queue by now, by their ids.

        Raises:
            LocalError: it cannot be reached.
        """
        try:
            found = await self._poison.ids()
        except SourceError as error:
            raise LocalError(f"cannot read the poison queue of {self.name}: {error}") from error
        return found & (self.values.keys() | self.unreadable)

    @property
    def total(self) -> int:
        """How many messages were put."""
        return len(self.values) + len(self.unreadable)

    async def close(self) -> None:
        await self._feed.close()
        await self._poison.close()

    async def _before(self, depth: int | None, count: int) -> None:
        """Return when there is room for `count` more; the queue is asked only when there may be none."""
        if self.total:
            self.begun.set()
        while depth is not None and self.total - self._gone > depth - count:
            waiting = await self._feed.count()
            if self.total - waiting > self._gone:
                self._gone = self.total - waiting
            else:
                await asyncio.sleep(_LOOK)


def sample_bodies(count: int, unreadable: int) -> Sequence[bytes]:
    """What the sample handler reads: `count` UNIX times, and at even distances among them what it cannot."""
    return _spread(unix_times(count), [f"no time {number}".encode() for number in range(unreadable)])


def _spread(bodies: Sequence[bytes], others: Iterable[bytes]) -> list[bytes]:
    extra = list(others)
    mixed = [((index + 0.5) / len(bodies), body) for index, body in enumerate(bodies)]
    mixed += [((index + 0.5) / len(extra), body) for index, body in enumerate(extra)]
    return [body for _, body in sorted(mixed)]
