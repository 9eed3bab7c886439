"""The settings of a source of this kind."""

from __future__ import annotations

from pydantic import Field

from ebb.core.settings.source_settings import SourceModel


class DemoSettings(SourceModel):
    """Messages that this process remembers."""

    list_name: str = Field(description="sources of one name share one list")
