"""Which source a schedule's settings name. To add a source: write its module, give it a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import cast

from ebb.core.clock import Clock, SystemClock
from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.base import Opening, Source

SOURCES: dict[str, str] = {  # sorted; imported only when a schedule uses it, so that others cost nothing at start
    "memory": "ebb.sources.memory.source:open_memory",
    "storageQueue": "ebb.sources.storage_queue.source:open_storage_queue",
    "tick": "ebb.sources.tick.source:open_tick",
}


def open_source(
    settings: ScheduleSettings,
    environment: Mapping[str, str],
    *,
    cycle: int = 0,
    execution: int = 0,
    clock: Clock | None = None,
) -> Source:
    """The source of `settings.source`, for execution number `execution` (from 0) of `cycle`. Close it after use.

    Opening asks nothing of the network.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    if settings.source is None:
        raise SettingsError("several sources are opened one by one: pass settings.for_source(index)")
    module, _, factory = SOURCES[settings.source.type].partition(":")
    opener = cast("Callable[[Opening], Source]", getattr(import_module(module), factory))
    return opener(Opening(settings, environment, clock or SystemClock(), cycle, execution))
