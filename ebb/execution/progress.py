"""The note of an execution, kept up to date while it works: what it did so far outlives its process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from ebb.core.clock import Clock, rfc3339
from ebb.core.documents import Execution
from ebb.core.errors import StoreError
from ebb.core.row.execution_note import ExecutionNote
from ebb.store.base import Store

NOTE_EVERY = 2.0  # seconds; what a dead process handled since is what the books cannot know
BEAT_EVERY = timedelta(seconds=5)  # siblings take an execution that is silent for much longer for a dead one

logger = logging.getLogger(__name__)
_LATE: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task from being collected


class ProgressNote:
    """One run's note. Writing it is beside the work: a store that is away delays no message."""

    def __init__(
        self, store: Store, clock: Clock, schedule: str, note: ExecutionNote, draft: Callable[[datetime], Execution]
    ) -> None:
        """`draft` gives the Execution document as it stands at a time."""
        self._store, self._clock, self._schedule, self._note, self._draft = store, clock, schedule, note, draft
        self._written: Execution | None = None
        self._beat = clock.now() + BEAT_EVERY

    async def keep(self) -> None:
        """Write the note whenever it says something new, until cancelled."""
        while True:
            await self._clock.sleep(NOTE_EVERY)
            await self._write(self._draft(self._clock.now()))

    async def end(self, execution: Execution) -> None:
        """Write the last word of the run; where the store is away, in the background as soon as it is back.

        Without it the run counts as at work until it must have ended, and a successor of its cycle waits for it.
        """
        if not await self._write(execution):
            later = asyncio.create_task(self._end_later(execution))
            _LATE.add(later)
            later.add_done_callback(_LATE.discard)

    async def _end_later(self, execution: Execution) -> None:
        while self._clock.now() < self._note.until:
            await self._clock.sleep(BEAT_EVERY.total_seconds())
            if await self._write(execution):
                return

    async def _write(self, execution: Execution) -> bool:
        """Whether the store has the note now."""
        now = self._clock.now()
        if self._written is not None and _counts(execution) == _counts(self._written) and now < self._beat:
            return True
        document = replace(execution, noted_at=rfc3339(now)).to_document()
        try:
            await self._store.note_execution(self._schedule, replace(self._note, document=document))
        except StoreError as error:
            logger.warning("%s: what an execution did was not noted: %s", self._schedule, error)
            return False
        self._written, self._beat = execution, now + BEAT_EVERY
        return True


def _counts(execution: Execution) -> Execution:
    """What makes a note worth writing; the ages alone do not."""
    return replace(execution, current_message_age=None, service_seconds=0.0)
