"""Handlers that get several messages at once: how many, and how long the first of them waits for the others."""

from __future__ import annotations

from pydantic import Field

from ebb.core.settings.durations import Seconds
from ebb.core.settings.source_settings import SettingsModel


class BatchSettings(SettingsModel):
    """A call of the handler gets up to `size` messages."""

    size: int = Field(ge=1, le=1000, description="messages that one call of the handler gets at most")
    wait: Seconds = Field(
        1.0, ge=0, le=3600, description="seconds that the first message waits for others; 0: a batch is one receive"
    )
