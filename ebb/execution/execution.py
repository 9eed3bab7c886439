"""One execution: takes messages from a source and has them handled, until there is a reason to end.

Knows nothing of Durable or Azure. Time comes from the clock that is handed in, so that simulations run on theirs.

Messages are taken ahead of the handlers only as far as these will begin them within LOOK_EVERY seconds, at most one and
a half `batchSize`: quick handlers never starve, slow ones leave to other executions what they could not begin soon. The
execution ends when a receive gives nothing and nothing is left in hand; while handlers still work, the source is asked
again every LOOK_EVERY seconds, so that free slots take what arrives meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from ebb.core.clock import Clock
from ebb.core.errors import SourceError
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.handler_calls import HandlerCalls
from ebb.execution.one_message import Ended, ExecutionReport, OneMessage
from ebb.handlers import Handler
from ebb.sources.base import Source
from ebb.sources.holding import Held, Holding

__all__ = ["ExecutionReport", "run_execution"]

LOOK_EVERY = 5.0  # seconds: between looks at whether it may go on or at an empty source; how far ahead it takes
GIVE_BACK_WITHIN = 5.0  # seconds, after the hard limit, for giving back what had not begun

_log = logging.getLogger("ebb.execution")

MayGoOn = Callable[[], Awaitable[str | None]]


async def run_execution(
    source: Source,
    handler: Handler,
    settings: ScheduleSettings,
    *,
    may_go_on: MayGoOn,
    clock: Clock,
    log: Mapping[str, object] | None = None,
    report: ExecutionReport | None = None,
) -> ExecutionReport:
    """Handle messages until the source gives none, `executionSlice` or `replicaTimeout` is over, or it may not go on.

    Args:
        may_go_on: asked every LOOK_EVERY seconds; a text is the reason to stop: messages in handlers' hands are
            finished, the others given back. An exception of its ends the execution.
        log: `schedule`, `cycle` and `execution`, added to each log record.
        report: filled as the work goes on, for whoever wants to look meanwhile.

    Returns:
        What was done. Faults of handlers and of the source are part of it, not exceptions.
    """
    return await _Execution(source, handler, settings, may_go_on, clock, log or {}, report or ExecutionReport()).run()


class _Execution:
    def __init__(
        self,
        source: Source,
        handler: Handler,
        settings: ScheduleSettings,
        may_go_on: MayGoOn,
        clock: Clock,
        log: Mapping[str, object],
        report: ExecutionReport,
    ) -> None:
        self._settings, self._may_go_on, self._clock, self._log = settings, may_go_on, clock, log
        self._report = report
        can = settings.source.can if settings.source else Capabilities()
        self._holding = Holding(source, can, timedelta(seconds=settings.visibility_timeout), clock, log)
        self._calls = HandlerCalls(handler)
        self._one = OneMessage(self._holding, self._calls, settings, clock, self._report, log, self._handled)
        self._ready: deque[Held] = deque()  # received, not begun
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._ended: Ended | None = None  # why no more messages are taken
        self._fault: BaseException | None = None  # a defect of ours, to be raised
        now = clock.now()
        self._slice_end = now + timedelta(seconds=settings.execution_slice)
        self._look_at = now + timedelta(seconds=LOOK_EVERY)
        self._receive_at = now

    async def run(self) -> ExecutionReport:
        work = asyncio.create_task(self._work())
        limit = asyncio.create_task(self._clock.sleep(self._settings.replica_timeout))
        background = [asyncio.create_task(self._holding.keep()), asyncio.create_task(self._wake_regularly())]
        try:
            await asyncio.wait({work, limit}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            else:
                await self._time_out(work)
        finally:
            self._calls.close()
            self._ready.clear()  # after a cancellation or a defect: what had not begun comes back by its lease
            for task in (work, limit, *background, *self._running):
                task.cancel()
            await asyncio.gather(work, limit, *background, return_exceptions=True)
        self._report.ended = self._ended or "empty"
        return self._report

    @property
    def _in_hand(self) -> int:
        return len(self._ready) + len(self._running)

    async def _work(self) -> None:
        while self._ended is None or self._in_hand:
            self._changed.clear()
            await self._look_around()
            room = self._room
            if self._ended is None and room and self._clock.now() >= self._receive_at:
                await self._take(min(room, self._settings.batch_size))
            elif self._ended is None and not self._in_hand:
                self._ended = "empty"
            elif self._in_hand:
                await self._changed.wait()
        if self._fault is not None:
            raise self._fault

    async def _look_around(self) -> None:
        now = self._clock.now()
        if now >= self._look_at and self._ended != "stopped":
            self._look_at = now + timedelta(seconds=LOOK_EVERY)
            if reason := await self._may_go_on():
                self._ended, self._report.reason = "stopped", reason
        if self._ended in ("stopped", "failed") and self._ready:
            await self._give_back()
        if self._ended is None and now >= self._slice_end:
            self._ended = "slice"

    @property
    def _room(self) -> int:
        """How many more messages to take: 0 while so few are missing that asking for them is not worth a request."""
        ahead = self._ahead()
        missing = self._settings.concurrency + ahead - self._in_hand
        return missing if missing >= max(1, ahead * 2 // 3) else 0

    def _ahead(self) -> int:
        """How many messages to hold beyond those in handlers' hands."""
        if not self._report.handled:
            return 0  # how quick handlers are is not known yet
        soon = min(LOOK_EVERY, (self._slice_end - self._clock.now()).total_seconds())
        work = max(0.0, soon) * self._settings.concurrency  # seconds that handlers have until then, together
        most, mean = self._settings.batch_size * 3 // 2, self._report.service_seconds / self._report.handled
        return most if mean * most <= work else int(work / mean)

    def _handled(self) -> None:
        if self._report.handled == 1:
            self._changed.set()

    async def _take(self, limit: int) -> None:
        try:
            batch = await self._holding.receive(limit)
        except SourceError as error:
            self._fail(error)
            return
        now = self._clock.now()
        if not batch:
            self._receive_at = now + timedelta(seconds=LOOK_EVERY)
            return
        self._report.received += len(batch)
        enqueued = [held.message.enqueued_at for held in batch if held.message.enqueued_at]
        if enqueued:
            age = (now - min(enqueued)).total_seconds()
            self._report.oldest_message_age = max(self._report.oldest_message_age or 0.0, age)
        await self._look_around()  # a slow receive may have outlasted the permission to begin anything
        for held in batch:  # the last try first: who is given back too often would become poison unseen
            last = held.message.dequeue_count >= self._settings.max_dequeue_count
            (self._ready.appendleft if last else self._ready.append)(held)
        self._begin()

    def _begin(self) -> None:
        if self._ended in ("stopped", "failed", "timedOut"):
            return  # what has not begun is given back
        while self._ready and len(self._running) < self._settings.concurrency:
            task = asyncio.create_task(self._process(self._ready.popleft()))
            self._running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault, self._ended = fault, "failed"
        self._begin()
        if self._ended is not None or self._room:
            self._changed.set()

    async def _process(self, held: Held) -> None:
        try:
            await self._one.process(held)
        except SourceError as error:
            self._fail(error)

    def _fail(self, error: SourceError) -> None:
        """The source is away: take no more, finish what is in hand as far as that goes."""
        _log.error("the source failed: %s", error, extra=self._log)
        if self._ended != "failed":
            self._ended, self._report.error = "failed", str(error)
            self._report.count_error(type(error).__name__, str(error))
        self._changed.set()

    async def _give_back(self) -> None:
        """Release what had not begun."""
        ready, self._ready = self._ready, deque()
        results = await asyncio.gather(
            *(self._holding.release(held, timedelta()) for held in ready), return_exceptions=True
        )
        for result in results:
            if result is None:
                self._report.released += 1
            else:
                self._report.lost += 1
                if not isinstance(result, SourceError):
                    self._fault = result

    async def _time_out(self, work: asyncio.Task[None]) -> None:
        """`replicaTimeout` is over: handlers are cancelled or abandoned, their messages come back by their lease."""
        _log.error("replicaTimeout (%g s) is over", self._settings.replica_timeout, extra=self._log)
        self._ended = "timedOut"
        work.cancel()
        hung = set(self._running)
        for task in hung:
            task.cancel()
        unbegun = len(self._ready)
        self._report.error = (
            f"replicaTimeout ({self._settings.replica_timeout:g} s) is over: {len(hung)} handlers were ended or "
            f"abandoned, {unbegun} messages that had not begun were given back"
        )
        leave = asyncio.create_task(self._clock.sleep(GIVE_BACK_WITHIN))
        giving_back = asyncio.create_task(self._give_back())
        try:
            everything = asyncio.gather(giving_back, *hung, return_exceptions=True)
            await asyncio.wait({everything, leave}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leave.cancel()
            giving_back.cancel()
        report = self._report
        report.failed += len(hung)
        report.count_error("timedOut", report.error or "")
        report.lost = report.received - report.processed - report.failed - report.poisoned - report.released

    async def _wake_regularly(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY)
            self._changed.set()
