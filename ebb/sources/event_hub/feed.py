"""Sends events to a hub, which spreads them over its partitions."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.settings import EventHubSettings, hub_of

LIMIT = 255 * 1024  # bytes; the basic tier takes 256 KiB with what is around the body


class EventHubFeed:
    """A `Feed`. Its connection opens at the first event."""

    def __init__(self, source: EventHubSettings, connection: NamespaceConnection) -> None:
        hub = hub_of(source, connection)
        self.name, self.host = hub.name, f"{connection.host}:{connection.port or 5671}"
        self._client = HubClient(connection, hub.name, hub.consumer_group)

    def refusal(self, body: bytes) -> str | None:
        return None if len(body) <= LIMIT else f"it has {len(body):,} bytes, an event {LIMIT:,} at most"

    async def put(self, body: bytes) -> None:
        await self._client.send(event_of(body, {}))

    async def close(self) -> None:
        await self._client.close()


def open_feed(request: SourceRequest) -> EventHubFeed:
    """The feed of the hub that the settings name.

    Raises:
        SettingsError: its connection is not set, or names no hub.
    """
    source = request.settings.source
    assert isinstance(source, EventHubSettings)
    return EventHubFeed(source, resolve_namespace(source.connection, request.environment))
