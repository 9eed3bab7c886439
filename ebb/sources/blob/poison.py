"""The poison place of a container: `<container>-poison`, with the reason in the metadata of each blob."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from urllib.parse import unquote

from ebb.core.errors import SourceNotFoundError
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.sources.base import SourceRequest
from ebb.sources.blob.container import BlobEntry, Container
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.source import MOST, POISON_SUFFIX
from ebb.sources.blob.waiting import OURS, TRIES
from ebb.sources.poison import PEEK_LIMIT, Poisoned
from ebb.sources.storage_queue.account import open_account

SHOWN = 65_536  # bytes of a body that are read


class BlobPoison:
    """A `PoisonPlace`. Looking changes nothing, and makes no container."""

    def __init__(self, source: BlobSettings, connection: Connection) -> None:
        self._source, self._connection = source, connection

    async def count(self) -> int:
        count = 0
        async with aclosing(self._entries()) as entries:
            async for _ in entries:
                count += 1
                if count == MOST:
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
        return await self._each(ids, limit, text, self._put_back)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def nothing_more(entry: BlobEntry) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, text, nothing_more)

    async def close(self) -> None:
        """Nothing is held."""

    async def _each(
        self,
        ids: frozenset[str] | None,
        limit: int,
        text: str | None,
        act: Callable[[BlobEntry], Awaitable[None]],
    ) -> int:
        done = 0
        async with aclosing(self._entries()) as entries:
            async for entry in entries:
                if done == limit:
                    break
                if ids is not None and entry.name not in ids:
                    continue
                if text is not None and not (await self._poisoned(entry)).holds(text):
                    continue
                await act(entry)
                self._there().check(await self._there().call("DELETE", entry.name), 202, 404)
                done += 1
        return done

    async def _put_back(self, entry: BlobEntry) -> None:
        """As a new blob under its old name, or its name here where that is taken; one that stayed is not done now."""
        name, source = unquote(entry.metadata.get("ebbname", entry.name)), self._at(self._source.container_name)
        there = source.check(await source.call("HEAD", name), 200, 404).status == 200
        if there and self._source.when_done == "keep":
            done = self._at(self._source.done)
            done.check(await done.call("DELETE", f"{source.name}/{name}"), 202, 404)
            return
        own = {key: value for key, value in entry.metadata.items() if not key.startswith(OURS)}
        await source.copy_from(self._there(), entry.name, entry.name if there else name, own)

    async def _entries(self) -> AsyncGenerator[BlobEntry]:
        try:
            async with aclosing(self._there().entries("")) as entries:
                async for entry in entries:
                    yield entry
        except SourceNotFoundError:  # it is made when the first blob goes there
            return

    async def _poisoned(self, entry: BlobEntry) -> Poisoned:
        body = b""
        if entry.size:
            answer = await self._there().call("GET", entry.name, headers={"x-ms-range": f"bytes=0-{SHOWN - 1}"})
            body = self._there().check(answer, 200, 206).body
        known = entry.metadata
        about = {
            "originalId": unquote(known.get("ebbname", "")) or None,
            "dequeueCount": int(count) if (count := known.get(TRIES, "")).isdigit() else None,
            "deadLetteredAt": known.get("ebbpoisonedat"),
        }
        reason = known.get("ebbreason")
        return Poisoned(entry.name, None if reason is None else unquote(reason), body, about)

    def _there(self) -> Container:
        return self._at(self._source.container_name + POISON_SUFFIX)

    def _at(self, name: str) -> Container:
        return Container(open_account(self._connection, "blob"), name)


def open_poison(request: SourceRequest) -> BlobPoison:
    """The poison place of the container that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, BlobSettings)
    return BlobPoison(source, resolve_connection(source.connection, request.environment))
