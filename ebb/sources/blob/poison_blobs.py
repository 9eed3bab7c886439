"""Poison places whose messages are blobs of a container: one for each kind of source that keeps them so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.errors import SourceNotFoundError
from ebb.sources.blob.container import BlobEntry, Container


class PoisonBlobs(ABC):
    """A `PoisonPlace`. Looking changes nothing, and makes no container."""

    most = 5000  # messages that are counted

    @abstractmethod
    def _there(self) -> Container:
        """The container that holds them."""

    def _prefix(self) -> str:
        """What the names of its blobs begin with; the rest of a name is the message's id."""
        return ""

    @abstractmethod
    async def _poisoned(self, entry: BlobEntry) -> Poisoned: ...

    @abstractmethod
    async def _put_back(self, entry: BlobEntry) -> None: ...

    async def count(self) -> int:
        count = 0
        async with aclosing(self._entries()) as entries:
            async for _ in entries:
                count += 1
                if count == self.most:
                    break
        return count

    async def peek(self, limit: int) -> list[Poisoned]:
        found: list[Poisoned] = []
        async with aclosing(self._entries()) as entries:
            async for entry in entries:
                found.append(await self._poisoned(entry))
                if len(found) == min(limit, PEEK_LIMIT):
                    break
        return found

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._each(ids, limit, text, put_back=True)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._each(ids, limit, text, put_back=False)

    async def _each(self, ids: frozenset[str] | None, limit: int, text: str | None, *, put_back: bool) -> int:
        done = 0
        async with aclosing(self._entries()) as entries:
            async for entry in entries:
                if done == limit:
                    break
                if ids is not None and self._id(entry) not in ids:
                    continue
                if text is not None and not (await self._poisoned(entry)).holds(text):
                    continue
                if put_back:
                    await self._put_back(entry)
                self._there().check(await self._there().call("DELETE", entry.name), 202, 404)
                done += 1
        return done

    async def _entries(self) -> AsyncGenerator[BlobEntry]:
        try:
            async with aclosing(self._there().entries(self._prefix())) as entries:
                async for entry in entries:
                    yield entry
        except SourceNotFoundError:  # it is made when the first message goes there
            return

    def _id(self, entry: BlobEntry) -> str:
        return entry.name.removeprefix(self._prefix())
