"""The poison place of a hub: a container of the user's choice, a blob for each event of this hub and group.

The body is the event's; why it is there and its properties stand in the metadata, percent-encoded.
"""

from __future__ import annotations

import json
from urllib.parse import quote, unquote

from ebb.core.clock import Clock, rfc3339
from ebb.core.contract.poison import Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.message import Message
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.blob.container import META, BlobEntry, Container
from ebb.sources.blob.poison_blobs import PoisonBlobs
from ebb.sources.event_hub.checkpoints import Hub
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.settings import EventHubSettings, hub_of
from ebb.sources.storage_queue.account import open_account

METADATA_LENGTH = 3000  # characters of one entry, encoded; 8 KiB is the limit of all


class EventHubPoison(PoisonBlobs):
    """The events of a hub that this consumer group could not handle."""

    def __init__(self, source: EventHubSettings, connection: NamespaceConnection, storage: Connection) -> None:
        self._source, self._storage = source, storage
        self._hub = hub_of(source, connection)
        self._client = HubClient(connection, self._hub.name, self._hub.consumer_group)

    def _there(self) -> Container:
        return Container(open_account(self._storage, "blob"), self._source.poison_container)

    def _prefix(self) -> str:
        return poison_prefix(self._hub)

    async def _put_back(self, entry: BlobEntry) -> None:
        """To its partition, behind all others."""
        poisoned = await self._poisoned(entry)
        properties = json.loads(_told(entry, "ebbproperties") or "{}")
        await self._client.send(event_of(poisoned.body, properties), str(poisoned.about["partition"]))

    async def close(self) -> None:
        await self._client.close()

    async def _poisoned(self, entry: BlobEntry) -> Poisoned:
        body = b""
        if entry.size:
            body = self._there().check(await self._there().call("GET", entry.name), 200).body
        partition, _, number = self._id(entry).partition("-")
        count = entry.metadata.get("ebbcount", "")
        about = {
            "originalId": f"{partition}-{int(number)}",
            "partition": partition,
            "dequeueCount": int(count) if count.isdigit() else None,
            "deadLetteredAt": _told(entry, "ebbpoisonedat"),
        }
        return Poisoned(self._id(entry), _told(entry, "ebbreason"), body, about)


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
