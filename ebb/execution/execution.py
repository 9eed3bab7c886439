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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import cast

from ebb.core.clock import Clock, steady
from ebb.core.errors import SourceError
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.batches import BatchCalls
from ebb.execution.budget_gate import Gate
from ebb.execution.effects import Effects
from ebb.execution.handler_calls import HandlerCalls
from ebb.execution.in_flight import InFlight
from ebb.execution.one_message import Ended, ExecutionReport, OneMessage, describe
from ebb.execution.suspicion import NoSuspicion, Suspicion
from ebb.execution.turns import Turns
from ebb.handlers import Handler
from ebb.sources.base import Source
from ebb.sources.holding import Held, Holding

__all__ = ["ExecutionReport", "run_execution"]

LOOK_EVERY = 5.0  # seconds: between looks at whether it may go on or at an empty source; how far ahead it takes
LOOK = timedelta(seconds=LOOK_EVERY)
STOOD_STILL = timedelta(seconds=15)  # who notices that so much time has passed unseen looks before it begins anything
GIVE_BACK_WITHIN = 5.0  # seconds, after the hard limit, for giving back what had not begun

_log = logging.getLogger("ebb.execution")

MayGoOn = Callable[[], Awaitable[str | None]]
IsNeeded = Callable[[], Awaitable[bool]]


async def _never() -> bool:
    return False


async def run_execution(
    source: Source,
    handler: Handler,
    settings: ScheduleSettings,
    *,
    reason_to_stop: MayGoOn,
    clock: Clock,
    log: Mapping[str, object] | None = None,
    is_needed: IsNeeded = _never,
    makes_way: IsNeeded = _never,
    turns: Turns | None = None,
    suspicion: Suspicion | None = None,
    report: ExecutionReport | None = None,
    effects: Effects | None = None,
    gate: Gate | None = None,
) -> ExecutionReport:
    """Handle messages until the source gives none, `executionSlice` or `replicaTimeout` is over, or it may not go on.

    Args:
        reason_to_stop: asked every LOOK_EVERY seconds; a text is the reason to stop: messages in handlers' hands are
            finished, the others given back. An exception of its ends the execution.
        log: `schedule`, `cycle` and `execution`, added to each log record.
        is_needed: asked when the slice is over; where it says yes, the execution goes on for another LOOK_EVERY, for
            half of `replicaTimeout` at most. At an empty source it ends in any case: its place may be needed.
        makes_way: asked every LOOK_EVERY seconds; where it says yes, the slice is over.
        turns: of this process, for messages that are handled by themselves; None: nobody else is in it.
        suspicion: which messages may have ended a process; None: nobody knows.
        effects: for `message.once`; None: each effect is the first.
        gate: of the downstream's budget; None: there is none.
        report: filled as the work goes on, for whoever wants to look meanwhile.

    Returns:
        What was done. Faults of handlers and of the source are part of it, not exceptions.
    """
    given = turns or Turns(), suspicion or NoSuspicion(), report or ExecutionReport(), effects, gate
    return await _Execution(
        source, handler, settings, reason_to_stop, is_needed, makes_way, steady(clock), log or {}, *given
    ).run()


class _Execution:
    def __init__(
        self,
        source: Source,
        handler: Handler,
        settings: ScheduleSettings,
        reason_to_stop: MayGoOn,
        is_needed: IsNeeded,
        makes_way: IsNeeded,
        clock: Clock,
        log: Mapping[str, object],
        turns: Turns,
        suspicion: Suspicion,
        report: ExecutionReport,
        effects: Effects | None,
        gate: Gate | None,
    ) -> None:
        self._settings, self._clock, self._log = settings, clock, log
        self._reason_to_stop, self._is_needed, self._makes_way = reason_to_stop, is_needed, makes_way
        self._report = report
        can = settings.source.can if settings.source else Capabilities()
        self._ordered = can.ordered
        self._at_once = 1 if can.ordered else settings.in_flight
        self._holding = Holding(source, can, timedelta(seconds=settings.visibility_timeout), clock, log)
        batch, limit = settings.batch, settings.handler_timeout
        self._batches = BatchCalls(handler, batch, limit, clock) if batch else None
        self._calls = self._batches or HandlerCalls(handler)
        self._turns, self._suspicion = turns, suspicion
        self._gate = gate
        told = self._handled, suspicion, self._fail, effects, gate
        one = OneMessage(self._holding, self._calls, settings, clock, self._report, log, *told)
        self._in_flight = InFlight(one, turns, settings.handler_timeout, clock, self._finished)
        self._ready: deque[Held] = deque()  # received, not begun
        self._changed = asyncio.Event()
        self._ended: Ended | None = None  # why no more messages are taken
        self._fault: BaseException | None = None  # a defect of ours, to be raised
        now = clock.now()
        self._slice_end = now + timedelta(seconds=settings.execution_slice)
        self._stay_from = now + timedelta(seconds=2 * LOOK_EVERY)
        self._stay_until = now + timedelta(seconds=settings.replica_timeout / 2)
        self._look_at = now + timedelta(seconds=LOOK_EVERY)
        self._receive_at = now
        self._waking: asyncio.Task[None] | None = None
        self._awake_at = now  # when it last knew that it does not stand still

    async def run(self) -> ExecutionReport:
        work = asyncio.create_task(self._work())
        limit = asyncio.create_task(self._clock.sleep(self._settings.replica_timeout))
        side = {
            limit: "time limit",
            asyncio.create_task(self._holding.keep()): "lease keeper",
            asyncio.create_task(self._in_flight.limit()): "handler limit",
            asyncio.create_task(self._wake_regularly()): "regular look",
        }
        if self._gate is not None:
            side[asyncio.create_task(self._gate.keep())] = "budget"
        try:
            await asyncio.wait({work, *side}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            elif limit.done() and limit.exception() is None:
                await self._time_out(work)
            else:
                dead = next(task for task in side if task.done())
                await self._end_without(side[dead], dead.exception(), work)
        finally:
            self._calls.close()
            self._ready.clear()  # after a cancellation or a defect: what had not begun comes back by its lease
            self._turns.forget(self._begin)
            self._in_flight.cancel()
            others = (work, *side, *([self._waking] if self._waking else []))
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        calls = [] if self._batches else self._in_flight.left_behind()  # a message of a batch only waits for its call
        left = (*calls, *self._calls.left_behind)
        self._report.left_behind = tuple(each for each in left if not each.done())
        self._report.ended = self._ended or "empty"
        return self._report

    @property
    def _in_hand(self) -> int:
        return len(self._ready) + len(self._in_flight)

    async def _work(self) -> None:
        while self._ended is None or self._in_hand:
            self._changed.clear()
            await self._look_around()
            if self._ended is not None:
                self._let_nobody_wait()
            room = self._room
            if self._ended is None and room and self._clock.now() >= self._receive_at:
                await self._take(min(room, self._settings.batch_size))
            elif self._in_hand:
                await self._changed.wait()
            elif self._ended is None:
                self._ended = "empty"
        if self._fault is not None:
            raise self._fault

    def _let_nobody_wait(self) -> None:
        """No more messages are taken: batches are not filled any more, and nobody waits for a budget."""
        if self._batches is not None:
            self._batches.flush()
        if self._gate is not None and (self._ended != "slice" or self._clock.now() > self._slice_end + 2 * LOOK):
            self._gate.close()

    async def _look_around(self) -> None:
        now = self._clock.now()
        if now >= self._look_at and self._ended != "stopped":
            self._look_at = now + timedelta(seconds=LOOK_EVERY)
            if reason := await self._reason_to_stop():
                self._ended, self._report.reason = "stopped", reason
            elif self._ended is None and await self._makes_way():
                self._slice_end = now
            self._awake_at = self._clock.now()
            self._begin()
        if self._ended in ("stopped", "failed") and self._ready:
            await self._give_back()
        if self._ended is None and now >= self._slice_end:
            if await self._has_to_stay():
                self._slice_end = now + timedelta(seconds=LOOK_EVERY)
            else:
                self._ended = "slice"

    async def _has_to_stay(self) -> bool:
        """Whether to go on although the slice is over; a short execution has seen nobody die and does not ask."""
        return self._stay_from <= self._clock.now() < self._stay_until and await self._is_needed()

    @property
    def _room(self) -> int:
        """How many more messages to take: 0 while so few are missing that asking for them is not worth a request."""
        ahead = self._ahead()
        missing = self._at_once + ahead - self._in_hand
        if missing < max(1, ahead * 2 // 3):
            return 0
        return missing if self._gate is None else min(missing, self._gate.room(self._in_hand))

    def _ahead(self) -> int:
        """How many messages to hold beyond those in handlers' hands."""
        if self._ordered or not self._report.handled:
            return 0  # how quick handlers are is not known yet; or what is ahead would pass what is tried again
        soon = min(LOOK_EVERY, (self._slice_end - self._clock.now()).total_seconds())
        work = max(0.0, soon) * self._at_once  # seconds that handlers have until then, together
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
            self._receive_at = now + timedelta(seconds=await self._until_next_look())
            return
        self._report.received += len(batch)
        enqueued = [held.message.enqueued_at for held in batch if held.message.enqueued_at]
        if enqueued:
            age = (now - min(enqueued)).total_seconds()
            self._report.oldest_message_age = max(self._report.oldest_message_age or 0.0, age)
        await self._suspect(batch)
        await self._look_around()  # a slow receive may have outlasted the permission to begin anything
        for held in batch:  # the last try first: who is given back too often would become poison unseen
            last = held.message.dequeue_count >= self._settings.max_dequeue_count
            (self._ready.appendleft if last else self._ready.append)(held)
        self._begin()

    async def _until_next_look(self) -> float:
        """Seconds until an empty source is asked again: sooner while a batch waits to be filled."""
        if self._batches is None:
            return LOOK_EVERY
        await asyncio.sleep(0)  # what has just begun joins its batch
        if not self._batches.is_forming:
            return LOOK_EVERY
        pause = min(self._batches.look_again, LOOK_EVERY)
        self._waking = asyncio.create_task(self._wake_in(pause))
        return pause

    async def _wake_in(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._changed.set()

    async def _suspect(self, batch: Sequence[Held]) -> None:
        """Mark the messages that may have ended a process. Isolated handlers end their own."""
        again = [held for held in batch if held.message.dequeue_count > 1]
        if not again:
            return
        crashed = self._settings.isolation == "none" and await self._suspicion.crashed()
        for held in again:
            held.alone = crashed or held.message.dequeue_count > self._settings.max_dequeue_count

    def _begin(self) -> None:
        if self._ended in ("stopped", "failed", "timedOut"):
            return  # what has not begun is given back
        if self._clock.now() > self._awake_at + STOOD_STILL:
            self._look_at = self._awake_at  # others may have taken over meanwhile: look before anything begins
            self._changed.set()
            return
        while self._ready and len(self._in_flight) < self._at_once:
            if not self._turns.enter(self._ready[0].alone, self._begin):
                return
            self._in_flight.begin(self._ready.popleft())

    def _finished(self, fault: BaseException | None) -> None:
        if fault is not None:
            self._fault, self._ended = fault, "failed"
        self._begin()
        if self._ended is not None or self._room:
            self._changed.set()

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
        self._turns.forget(self._begin)
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
        """`replicaTimeout` is over."""
        limit = f"replicaTimeout ({self._settings.replica_timeout:g} s) is over"
        _log.error(limit, extra=self._log)
        self._ended = "timedOut"
        await self._cut_short(work, "timedOut", limit)

    async def _end_without(self, name: str, cause: BaseException | None, work: asyncio.Task[None]) -> None:
        """A task beside the work has died. Without it leases lapse or limits do not hold: nothing may go on."""
        while isinstance(cause, BaseExceptionGroup):
            cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        died = f"the {name} of the execution died ({describe(cause)})"
        _log.error(died, extra=self._log, exc_info=cause)
        self._ended = "failed"
        await self._cut_short(work, "died", died)

    async def _cut_short(self, work: asyncio.Task[None], kind: str, why: str) -> None:
        """End now: handlers are cancelled or abandoned and count as failed, their messages come back by their lease.

        Removals that are on their way get the time to be counted.
        """
        report, unbegun = self._report, len(self._ready)
        work.cancel()
        settling, hung = self._in_flight.settling(), self._in_flight.interrupt()
        ended = f"{len(hung)} handlers were ended or abandoned"
        report.error = f"{why}: {ended}, {unbegun} messages that had not begun were given back"
        report.count_error(kind, report.error)
        leave = asyncio.create_task(self._clock.sleep(GIVE_BACK_WITHIN))
        giving_back = asyncio.create_task(self._give_back())
        try:
            everything = asyncio.gather(giving_back, *hung, *settling, return_exceptions=True)
            await asyncio.wait({everything, leave}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leave.cancel()
            giving_back.cancel()
        unsettled = report.received - report.processed - report.failed - report.poisoned - report.released
        report.failed += min(len(hung), unsettled)
        report.lost = unsettled - min(len(hung), unsettled)

    async def _wake_regularly(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY)
            if self._clock.now() <= self._awake_at + STOOD_STILL:
                self._awake_at = self._clock.now()
            self._changed.set()
