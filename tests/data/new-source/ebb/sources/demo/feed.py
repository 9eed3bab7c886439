"""How messages get into a demo queue."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.demo.source import DemoBroker, broker_of


class DemoFeed:
    """A `Feed` for one queue; the queue is made if it is missing."""

    def __init__(self, broker: DemoBroker, name: str) -> None:
        self._broker, self.name, self.host = broker, name, broker.host

    def refusal(self, body: bytes) -> str | None:
        """It takes every body."""
        return None

    async def put(self, body: bytes) -> str:
        self._broker.create(self.name)
        self._broker.queue(self.name)
        return self._broker.put(self.name, body)

    async def close(self) -> None:
        """Nothing is held."""


def open_feed(request: SourceRequest) -> DemoFeed:
    """The feed of the queue that the settings name."""
    return DemoFeed(*broker_of(request))
