"""The plain periodic job: one message each cycle."""

from ebb.sources.kind import Kind
from ebb.sources.tick.settings import TickSettings

KIND = Kind(
    "tick",
    TickSettings,
    source="ebb.sources.tick.source:open_tick",
    leasing=False,
    delaying=False,
    dead_lettering=False,
    periodic=True,
)
