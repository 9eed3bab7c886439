"""The taking of messages: how many an execution asks for, and when.

Messages are taken ahead of the handlers only as far as these will begin them within a look's time, at most one and a
half `batchSize`: quick handlers never starve, slow ones leave to other executions what they could not begin soon. While
handlers still work, an empty source is asked again at every look, so that free slots take what arrives meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from ebb.core.clock import Clock
from ebb.core.errors import SourceError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.batches import BatchCalls
from ebb.execution.budget_gate import Gate
from ebb.execution.course import Course
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.holding import Held, Holding
from ebb.execution.suspicion import Suspicion


class Taking:
    """Takes messages for one execution."""

    def __init__(
        self,
        holding: Holding,
        settings: ScheduleSettings,
        clock: Clock,
        course: Course,
        report: ExecutionReport,
        suspicion: Suspicion,
        *,
        one_by_one: bool,
        batches: BatchCalls | None,
        gate: Gate | None,
    ) -> None:
        """`one_by_one`: one message in hand at a time, so that the source's order is kept."""
        self._holding, self._settings, self._clock = holding, settings, clock
        self._course, self._report, self._suspicion = course, report, suspicion
        self._one_by_one, self._batches, self._gate = one_by_one, batches, gate
        self._at_once = 1 if one_by_one else settings.in_flight
        self._again_at = clock.now()
        self._waking: asyncio.Task[None] | None = None

    @property
    def is_due(self) -> bool:
        """Whether the source may have something; false for a while after it gave nothing."""
        return self._clock.now() >= self._again_at

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is to be cancelled at the end."""
        return [self._waking] if self._waking else []

    def look_again(self) -> None:
        """The source may have something now: what waited behind a message that is done."""
        self._again_at = self._clock.now()

    def room(self, in_hand: int) -> int:
        """How many more messages to take: 0 while so few are missing that asking for them is not worth a request."""
        ahead = self._ahead()
        missing = self._at_once + ahead - in_hand
        if missing < max(1, ahead * 2 // 3):
            return 0
        return missing if self._gate is None else min(missing, self._gate.room(in_hand))

    async def take(self, limit: int) -> list[Held]:
        """Up to `limit` messages; none where nothing waits, or where the source failed, which the course is told."""
        try:
            batch = await self._holding.receive(min(limit, self._settings.batch_size))
        except SourceError as error:
            self._course.fail(error)
            return []
        now = self._clock.now()
        if not batch:
            self._again_at = now + timedelta(seconds=await self._until_next_look())
            return []
        self._report.received += len(batch)
        self._note_age(batch, now)
        return batch

    def _note_age(self, batch: Sequence[Held], now: datetime) -> None:
        enqueued = [held.message.enqueued_at for held in batch if held.message.enqueued_at]
        if enqueued:
            age = (now - min(enqueued)).total_seconds()
            self._report.oldest_message_age = max(self._report.oldest_message_age or 0.0, age)

    def _ahead(self) -> int:
        """How many messages to hold beyond those in handlers' hands."""
        if self._one_by_one or not self._report.handled:
            return 0  # how quick handlers are is not known yet; or what is ahead would pass what is tried again
        work = max(0.0, min(self._course.look_every, self._course.slice_left)) * self._at_once  # seconds of handlers
        most, mean = self._settings.batch_size * 3 // 2, self._report.service_seconds / self._report.handled
        return most if mean * most <= work else int(work / mean)

    async def _until_next_look(self) -> float:
        """Seconds until an empty source is asked again: sooner while a batch waits to be filled."""
        every = self._course.look_every
        if self._batches is None:
            return every
        await asyncio.sleep(0)  # what has just begun joins its batch
        if not self._batches.is_forming:
            return every
        pause = min(self._batches.look_again, every)
        self._waking = asyncio.create_task(self._wake_in(pause))
        return pause

    async def _wake_in(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._course.changed.set()

    async def suspect(self, batch: Sequence[Held]) -> None:
        """Mark the messages that may have ended a process. Isolated handlers end their own."""
        again = [held for held in batch if held.message.dequeue_count > 1]
        if not again:
            return
        crashed = self._settings.isolation == "none" and await self._suspicion.crashed()
        for held in again:
            held.alone = crashed or held.message.dequeue_count > self._settings.max_dequeue_count
