"""The settings of a source in memory."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.source_settings import SourceModel


class MemorySettings(SourceModel):
    """Messages in this process's memory: for tests and simulations."""

    queue_name: str = Field("memory", description="sources of one name share one queue")
    keyed: bool = Field(False, description="messages have keys of their own, and keep the order of each")

    @property
    def can(self) -> Capabilities:
        """As the kind; with keys the next message of one comes once the one before is done."""
        return replace(super().can, keyed=self.keyed, holds_back=self.keyed)
