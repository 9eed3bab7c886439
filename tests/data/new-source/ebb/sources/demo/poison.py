"""The poison place of a demo queue."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.demo.source import broker_of
from ebb.sources.memory.poison import MemoryPoison


def open_poison(request: SourceRequest) -> MemoryPoison:
    """The poison place of the queue that the settings name."""
    return MemoryPoison(*broker_of(request))
