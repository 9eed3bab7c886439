"""A queue of a server that lives in this process, and can be away."""

from __future__ import annotations

from ebb.core.clock import Clock
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceUnavailableError
from ebb.sources.demo.settings import DemoSettings
from ebb.sources.memory.source import MemoryBroker, MemoryQueue, MemorySource


class DemoBroker(MemoryBroker):
    """The server of one host."""

    def __init__(self, host: str, clock: Clock | None = None, away: bool = False) -> None:
        super().__init__(clock, create_missing=False)
        self.host, self.away = host, away

    def queue(self, name: str) -> MemoryQueue:
        """The queue `name`.

        Raises:
            SourceUnavailableError: the server is away.
        """
        if self.away:
            raise SourceUnavailableError(f"{self.host} does not answer")
        return super().queue(name)


SERVERS: dict[str, DemoBroker] = {}


class DemoSource(MemorySource):
    """A `Source` on one queue of a server."""


def broker_of(request: SourceRequest) -> tuple[DemoBroker, str]:
    """The server and the queue that the settings name."""
    assert isinstance(request.settings.source, DemoSettings)
    host = request.settings.source.server
    return SERVERS.get(host) or DemoBroker(host, away=True), request.settings.source.queue_name


def open_demo(request: SourceRequest) -> DemoSource:
    """The source that the settings name."""
    return DemoSource(*broker_of(request))
