"""Puts messages into a queue of Service Bus, or into the topic of a subscription."""

from __future__ import annotations

from secrets import token_hex

from azure.servicebus import ServiceBusMessage

from ebb.core.contract.source import SourceRequest
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.service_bus.faults import told
from ebb.sources.service_bus.receiving import Receiving
from ebb.sources.service_bus.settings import ServiceBusSettings

LIMIT = 255 * 1024  # bytes; the standard tier takes 256 KiB with what is around the body


class ServiceBusFeed:
    """A `Feed`. Each of its messages has a session of its own where the entity requires sessions."""

    def __init__(self, source: ServiceBusSettings, connection: NamespaceConnection) -> None:
        self._source, self._connection = source, connection
        self.name = source.queue_name or source.topic_name or ""
        self.host = f"{connection.host}:{connection.port or 5671}"
        self._links = Receiving(source, connection)

    def refusal(self, body: bytes) -> str | None:
        return None if len(body) <= LIMIT else f"it has {len(body):,} bytes, a message of Service Bus {LIMIT:,} at most"

    async def put(self, body: bytes) -> None:
        session = token_hex(8) if self._source.sessions else None
        with told(self._source, self._connection):
            await self._links.send(ServiceBusMessage(body, session_id=session))

    async def close(self) -> None:
        await self._links.close()


def open_feed(request: SourceRequest) -> ServiceBusFeed:
    """The feed of the entity that the settings name.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, ServiceBusSettings)
    return ServiceBusFeed(source, resolve_namespace(source.connection, request.environment))
