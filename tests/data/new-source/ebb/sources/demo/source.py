"""Messages from a list of this process."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.demo.settings import DemoSettings
from ebb.sources.memory.source import MemoryBroker, MemorySource

LISTS = MemoryBroker()


class DemoSource(MemorySource):
    """A `Source` on one list."""


def open_demo(request: SourceRequest) -> DemoSource:
    """The source that the settings name."""
    assert isinstance(request.settings.source, DemoSettings)
    return DemoSource(LISTS, request.settings.source.list_name)
