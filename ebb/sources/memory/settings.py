"""The settings of a source in memory."""

from __future__ import annotations

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel


class MemorySettings(SourceModel):
    """Messages in this process's memory: for tests and simulations."""

    queue_name: str = Field("memory", description="sources of one name share one queue")
