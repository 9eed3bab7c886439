"""The note of an execution, kept up to date while it works: what it did so far outlives its process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from ebb.core.clock import Clock, rfc3339
from ebb.core.contract.outage import once_stored
from ebb.core.contract.store import Store
from ebb.core.documents import Execution
from ebb.core.errors import StoreError
from ebb.core.row.execution_note import ExecutionNote

NOTE_EVERY = 2.0  # seconds; what a dead process handled since is what the books cannot know
BEAT_EVERY = timedelta(seconds=5)  # siblings take an execution that is silent for much longer for a dead one

logger = logging.getLogger(__name__)


class ProgressNote:
    """One run's note. Writing it is beside the work: a store that is away delays no message, only the answer."""

    def __init__(
        self, store: Store, clock: Clock, schedule: str, note: ExecutionNote, draft: Callable[[datetime], Execution]
    ) -> None:
        """`draft` gives the Execution document as it stands at a time."""
        self._store, self._clock, self._schedule, self._note, self._draft = store, clock, schedule, note, draft
        self._written: Execution | None = None  # as `_counts` gives it
        self._beat = clock.now() + BEAT_EVERY

    async def keep(self) -> None:
        """Write the note whenever it says something new, until cancelled."""
        while True:
            await self._clock.sleep(NOTE_EVERY)
            try:
                await self._write(self._draft(self._clock.now()))
            except StoreError as error:
                logger.warning("%s: what an execution does was not noted: %s", self._schedule, error)

    async def end(self, execution: Execution, *, patient: bool = True) -> None:
        """Write the last word of the run; patient: where the store is away, as soon as it is back.

        Without it the run counts as at work until it must have ended, and a successor of its cycle waits for it.
        """
        try:
            if patient:
                await once_stored(self._clock, self._schedule, lambda: self._write(execution))
            else:
                await self._write(execution)
        except StoreError as error:
            logger.warning("%s: what an execution did was not noted: %s", self._schedule, error)

    async def _write(self, execution: Execution) -> None:
        now = self._clock.now()
        counts = _counts(execution)
        if counts == self._written and now < self._beat:
            return
        document = replace(execution, noted_at=rfc3339(now)).to_document()
        await self._store.note_execution(self._schedule, replace(self._note, document=document))
        self._written, self._beat = counts, now + BEAT_EVERY


def _counts(execution: Execution) -> Execution:
    """What makes a note worth writing; the ages alone do not."""
    return replace(execution, current_message_age=None, service_seconds=0.0)
