"""Which kinds of source there are. To add one: make its folder, and give it a line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.poison import PoisonPlace
from ebb.core.contract.source import Source, SourceRequest
from ebb.core.errors import SettingsError
from ebb.core.remarks import Remarks
from ebb.core.settings import source_settings
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.feed import Feed
from ebb.sources.kind import Kind

FOLDERS = (
    "blob",
    "event_hub",
    "kafka",
    "memory",
    "rabbit_mq",
    "service_bus",
    "sqs",
    "storage_queue",
    "tick",
)
KINDS: dict[str, Kind] = {
    kind.name: kind for folder in FOLDERS for kind in (cast("Kind", import_module(f"ebb.sources.{folder}").KIND),)
}
for _kind in KINDS.values():
    source_settings.declare(_kind.name, _kind.settings, _kind)


def open_source(
    settings: ScheduleSettings,
    environment: Mapping[str, str],
    *,
    cycle: int = 0,
    execution: int = 0,
    share: tuple[int, int] = (0, 1),
    clock: Clock | None = None,
    remarks: Remarks | None = None,
) -> Source:
    """The source of `settings.source`, for execution number `execution` (from 0) of `cycle`. Close it after use.

    Opening asks nothing of the network.

    Args:
        share: its number among the executions of this source, and how many those are: partitions go by that.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    if settings.source is None:
        raise SettingsError("several sources are opened one by one: pass settings.for_source(index)")
    kind = KINDS[settings.source.type]
    request = SourceRequest(settings, environment, clock or SystemClock(), cycle, execution, share, remarks)
    return cast("Source", kind.open(kind.source, request))


def open_poison(
    settings: ScheduleSettings,
    environment: Mapping[str, str],
    clock: Clock | None = None,
    remarks: Remarks | None = None,
) -> PoisonPlace | None:
    """The poison place of the source that the settings name; None where that source has none. Close it after use.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    kind = KINDS[settings.source.type] if settings.source else None
    if kind is None or kind.poison is None:
        return None
    request = SourceRequest(settings, environment, clock or SystemClock(), 0, 0, remarks=remarks)
    return cast("PoisonPlace", kind.open(kind.poison, request))


def open_feed(settings: ScheduleSettings, environment: Mapping[str, str], clock: Clock | None = None) -> Feed | None:
    """What puts messages where the source finds them; None where that cannot be done from here. Close it after use.

    Raises:
        SettingsError: its connection is not set, or cannot be used.
    """
    kind = KINDS[settings.source.type] if settings.source else None
    if kind is None or kind.feed is None:
        return None
    request = SourceRequest(settings, environment, clock or SystemClock(), 0, 0)
    return cast("Feed", kind.open(kind.feed, request))
