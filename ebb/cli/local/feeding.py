"""Which queue of the local storage a schedule reads from, opened to put messages into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import ebb.sources  # noqa: F401 - settings may name each kind
from ebb.cli.acceptance.accounted_feed import AccountedFeed
from ebb.cli.local.errors import LocalError
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.sources.storage_queue.feed import StorageQueueFeed
from ebb.sources.storage_queue.poison import PoisonQueue
from ebb.sources.storage_queue.settings import StorageQueueSettings

STORAGE = "AzureWebJobsStorage"


def queue_of(settings: Mapping[str, Any]) -> StorageQueueSettings:
    """The first source in these settings of a schedule that is a queue of the local storage.

    Raises:
        LocalError: there is none.
    """
    sources = ScheduleSettings.model_validate(settings).all_sources
    for source in sources:
        if isinstance(source, StorageQueueSettings) and source.connection == STORAGE:
            return source
    found = ", ".join(f"{source.type} on {source.storage_connection or 'no storage'}" for source in sources)
    raise LocalError(f"the schedule reads from no queue of the local storage ({found}): use --no-feed")


@asynccontextmanager
async def opened_feed(queue: StorageQueueSettings, storage: str) -> AsyncIterator[AccountedFeed]:
    """What puts messages into `queue` of the storage account with the connection string `storage`."""
    connection = resolve_connection(STORAGE, {STORAGE: storage})
    feed = AccountedFeed(StorageQueueFeed(queue, connection), PoisonQueue(queue, connection))
    try:
        yield feed
    finally:
        await feed.close()
