"""What will go wrong with a hub: a group of readers that is not there, and rights to read that are missing."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.settings import EventHubSettings, hub_of
from ebb.sources.hints import Hint


async def look(request: SourceRequest) -> list[Hint]:
    """Open a reader of the first partition and close it: the count alone does not ask for the group.

    Raises:
        SourceError: the hub cannot be read by this group.
    """
    source = request.settings.source
    assert isinstance(source, EventHubSettings)
    connection = resolve_namespace(source.connection, request.environment)
    hub = hub_of(source, connection)
    client = HubClient(connection, hub.name, hub.consumer_group)
    try:
        await client.try_reading((await client.partitions())[0])
    finally:
        await client.close()
    return []
