"""An answer that needs the store is given once the store is there: while storage is away it may be lost for good.

DurableTask.AzureStorage (2.11.2) tries for some 20 s to send what an activity answers, and as long to give its message
back. Where both fail it goes on to count the activity as at work, and drops its message each time that it comes again,
with "is being processed multiple times concurrently", until its host is restarted (`CompleteTaskActivityWorkItemAsync`
and `AbandonTaskActivityWorkItemAsync` in AzureStorageOrchestrationService.cs). The instance waits for that answer.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from ebb.core.clock import Clock
from ebb.core.errors import StoreUnavailableError

HELD_BACK = timedelta(minutes=4)  # below the shortest functionTimeout, which ends the whole process
TRY_EVERY = 2.0  # seconds; a try at a store that is away takes some itself

logger = logging.getLogger(__name__)
T = TypeVar("T")


async def once_stored(clock: Clock, schedule: str, step: Callable[[], Awaitable[T]]) -> T:
    """What `step` gives; tried again while the store is away, for HELD_BACK at most. It must be safe to repeat.

    Raises:
        StoreError: what the store refuses at once, or is still away after that time.
    """
    deadline = clock.now() + HELD_BACK
    while True:
        try:
            return await step()
        except StoreUnavailableError as error:
            if clock.now() >= deadline:
                raise
            logger.warning("%s: the answer waits for the store: %s", schedule, error, extra={"schedule": schedule})
        await clock.sleep(TRY_EVERY)
