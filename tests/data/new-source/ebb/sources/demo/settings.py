"""The settings of a demo queue."""

from __future__ import annotations

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel


class DemoSettings(SourceModel):
    """A queue of a server in this process."""

    queue_name: str = Field(description="name of a queue")
    server: str = Field(description="host and port of its server")
