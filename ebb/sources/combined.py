"""Measures every source of a schedule: all at once, each failure by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ebb.core.contract.source import Makeable, Measurement
from ebb.core.errors import SourceError
from ebb.core.planning.agenda import Count
from ebb.core.settings.schedule_settings import ScheduleSettings


class Measured(Protocol):
    """What can be counted: a source, or a look at one."""

    async def measure(self) -> Measurement:
        """As `Source.measure`."""
        ...


OpenSource = Callable[[ScheduleSettings], AbstractAsyncContextManager[Measured]]


async def measure_all(settings: ScheduleSettings, open_source: OpenSource, make: bool = False) -> list[Count]:
    """Count what waits in each source, in the order of the settings.

    A source that fails is left out of the plan and the others still count, as in KEDA; its entry says why.

    Args:
        make: make what is missing and may be made; for the opening of a cycle alone.

    Raises:
        SourceError: no source could be measured; the first one's error.
        SettingsError: a connection is not configured, or not well.
    """

    async def measure(index: int) -> Count | SourceError:
        try:
            async with open_source(settings.for_source(index)) as source:
                backlog = await source.measure()
                if make and backlog.missing and isinstance(source, Makeable):
                    await source.make()
        except SourceError as error:
            return error
        return Count(backlog.count, backlog.periodic, partitions=backlog.partitions, oldest=backlog.oldest)

    found = await asyncio.gather(*(measure(index) for index in range(len(settings.all_sources))))
    faults = [each for each in found if isinstance(each, SourceError)]
    if len(faults) == len(found):
        raise faults[0]
    return [Count(0, error=str(each)) if isinstance(each, SourceError) else each for each in found]
