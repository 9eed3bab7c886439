"""Puts messages into a list."""

from __future__ import annotations

from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceUnavailableError
from ebb.sources.demo.settings import DemoSettings
from ebb.sources.demo.source import LISTS


class DemoFeed:
    """A `Feed`."""

    def __init__(self, name: str) -> None:
        self.name, self.host = name, "127.0.0.1:9"

    def refusal(self, body: bytes) -> str | None:
        return None

    async def put(self, body: bytes) -> None:
        if self.name == "nowhere":
            raise SourceUnavailableError(f"{self.host} cannot be reached")
        LISTS.put(self.name, body)

    async def close(self) -> None:
        """Nothing is held."""


def open_feed(request: SourceRequest) -> DemoFeed:
    """The feed of the list that the settings name."""
    assert isinstance(request.settings.source, DemoSettings)
    return DemoFeed(request.settings.source.list_name)
