"""What of a list could not be handled."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.sources.demo.settings import DemoSettings
from ebb.sources.demo.source import LISTS
from ebb.sources.memory.poison import MemoryPoison


def open_poison(request: SourceRequest) -> MemoryPoison:
    """The poison place of the list that the settings name."""
    assert isinstance(request.settings.source, DemoSettings)
    return MemoryPoison(LISTS, request.settings.source.list_name)
