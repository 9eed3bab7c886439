"""Writes how far a source with partitions is: a moment after what was done, so that one write tells of much."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ebb.core.errors import SourceError

AFTER = 0.2  # seconds from the first message that is done to the write that says so

Write = Callable[[], Awaitable[None]]
_log = logging.getLogger("ebb.source")


class PositionWrites:
    """The writes of one source. `place` names it in the log, as "topic orders" does."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._task: asyncio.Task[None] | None = None

    def soon(self, write: Write) -> None:
        """Call `write` a moment from now, once for all that is done until then."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._later(write))

    async def last(self, write: Write) -> None:
        """Call `write` now, in place of the one that was to come; nobody hears of a fault but the log."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await write()
        except SourceError as error:
            _log.warning("what was done last in %s is not written down and will come again: %s", self._place, error)

    async def _later(self, write: Write) -> None:
        await asyncio.sleep(AFTER)
        try:
            await write()
        except SourceError as error:  # the next receive meets it too, and says so
            _log.warning("positions of %s not written: %s", self._place, error)
