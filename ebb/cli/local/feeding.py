"""Which source of a schedule is fed on this machine, opened to put messages into it and to account for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ebb.sources  # noqa: F401 # pyright: ignore[reportUnusedImport] - settings may name each kind
from ebb.cli.acceptance.accounted_feed import AccountedFeed
from ebb.cli.local.errors import LocalError
from ebb.core.contract.poison import ListingPoisonPlace
from ebb.core.settings.app_settings import HOST_STORAGE
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.feed import CountingFeed
from ebb.sources.registry import open_feed, open_poison


def open_accounted(settings: Mapping[str, Any], storage: str) -> AccountedFeed:
    """What puts messages into the first queue of the local storage that these settings of a schedule name.

    Args:
        storage: connection string of the local storage.

    Raises:
        LocalError: they name none.
    """
    schedule = ScheduleSettings.model_validate(settings)
    for index, source in enumerate(schedule.all_sources):
        if source.storage_connection == HOST_STORAGE:
            alone, environment = schedule.for_source(index), {HOST_STORAGE: storage}
            feed, poison = open_feed(alone, environment), open_poison(alone, environment)
            if isinstance(feed, CountingFeed) and isinstance(poison, ListingPoisonPlace):
                return AccountedFeed(feed, poison)
    found = ", ".join(f"{each.type} on {each.storage_connection or 'no storage'}" for each in schedule.all_sources)
    raise LocalError(f"the schedule reads from no queue of the local storage ({found}): use --no-feed")
