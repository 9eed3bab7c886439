"""The poison place of a hub: a container of the user's choice, a blob for each event of this hub and group.

The body is the event's; why it is there and its properties stand in the metadata, percent-encoded.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from urllib.parse import quote, unquote

from ebb.core.clock import Clock, rfc3339
from ebb.core.errors import SourceNotFoundError
from ebb.core.message import Message
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.base import SourceRequest
from ebb.sources.blob.container import META, BlobEntry, Container
from ebb.sources.event_hub.checkpoints import Hub
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.settings import EventHubSettings, hub_of
from ebb.sources.poison import PEEK_LIMIT, Poisoned
from ebb.sources.storage_queue.account import open_account

METADATA_LENGTH = 3000  # characters of one entry, encoded; 8 KiB is the limit of all
MOST = 5000  # events that are counted


class EventHubPoison:
    """A `PoisonPlace`. Looking changes nothing, and makes no container."""

    def __init__(self, source: EventHubSettings, connection: NamespaceConnection, storage: Connection) -> None:
        self._source, self._storage = source, storage
        self._hub = hub_of(source, connection)
        self._client = HubClient(connection, self._hub.name, self._hub.consumer_group)

    @property
    def _container(self) -> Container:
        return Container(open_account(self._storage, "blob"), self._source.poison_container)

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
        """As the contract says; an event goes back to its partition, behind all others."""

        async def put_back(entry: BlobEntry) -> None:
            poisoned = await self._poisoned(entry)
            properties = json.loads(_told(entry, "ebbproperties") or "{}")
            await self._client.send(event_of(poisoned.body, properties), str(poisoned.about["partition"]))

        return await self._each(ids, limit, text, put_back)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        async def nothing_more(_: BlobEntry) -> None:
            """Its removal is all there is to do."""

        return await self._each(ids, limit, text, nothing_more)

    async def close(self) -> None:
        await self._client.close()

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
                if ids is not None and self._id(entry) not in ids:
                    continue
                if text is not None and not (await self._poisoned(entry)).holds(text):
                    continue
                await act(entry)
                self._container.check(await self._container.call("DELETE", entry.name), 202, 404)
                done += 1
        return done

    async def _entries(self) -> AsyncGenerator[BlobEntry]:
        try:
            async with aclosing(self._container.entries(poison_prefix(self._hub))) as entries:
                async for entry in entries:
                    yield entry
        except SourceNotFoundError:  # it is made when the first event goes there
            return

    async def _poisoned(self, entry: BlobEntry) -> Poisoned:
        body = b""
        if entry.size:
            body = self._container.check(await self._container.call("GET", entry.name), 200).body
        partition, _, number = self._id(entry).partition("-")
        count = entry.metadata.get("ebbcount", "")
        about = {
            "originalId": f"{partition}-{int(number)}",
            "partition": partition,
            "dequeueCount": int(count) if count.isdigit() else None,
            "deadLetteredAt": _told(entry, "ebbpoisonedat"),
        }
        return Poisoned(self._id(entry), _told(entry, "ebbreason"), body, about)

    def _id(self, entry: BlobEntry) -> str:
        return entry.name.removeprefix(poison_prefix(self._hub))


async def put_poison(container: Container, hub: Hub, message: Message, reason: str, clock: Clock) -> None:
    """Write an event that cannot be handled; one that is there already is written again."""
    partition, _, number = message.id.partition("-")
    about = {
        "ebbreason": _fitting(reason or "no reason"),
        "ebbcount": str(message.dequeue_count),
        "ebbpoisonedat": rfc3339(clock.now()),
    }
    properties = quote(json.dumps(dict(message.properties)))
    if message.properties and len(properties) <= METADATA_LENGTH:
        about["ebbproperties"] = properties
    name = f"{poison_prefix(hub)}{partition}-{int(number):020}"
    headers = {META + key: value for key, value in about.items()}
    container.check(await container.put(name, message.body, headers), 201)


def poison_prefix(hub: Hub) -> str:
    """Where the poison of a hub and a group lies in its container."""
    return f"{hub.name}/{hub.consumer_group.lower()}/"


def open_poison(request: SourceRequest) -> EventHubPoison:
    """The poison place of the hub that the settings name.

    Raises:
        SettingsError: a connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, EventHubSettings)
    connection = resolve_namespace(source.connection, request.environment)
    return EventHubPoison(source, connection, resolve_connection(source.checkpoint_account, request.environment))


def _fitting(text: str) -> str:
    """`text` encoded, as much of it as there is room for."""
    encoded = quote(text, safe=" ,;:()'!?=/")
    while len(encoded) > METADATA_LENGTH:
        text = text[: len(text) * METADATA_LENGTH // len(encoded)]
        encoded = quote(text, safe=" ,;:()'!?=/")
    return encoded


def _told(entry: BlobEntry, name: str) -> str | None:
    given = entry.metadata.get(name)
    return None if given is None else unquote(given)
