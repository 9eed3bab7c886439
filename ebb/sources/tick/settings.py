"""The settings of the plain periodic job."""

from __future__ import annotations

from ebb.core.settings.source_settings import SourceModel


class TickSettings(SourceModel):
    """One message each cycle: the plain periodic job, without a queue."""
