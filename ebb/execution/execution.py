"""One execution: takes messages from a source and has them handled, until there is a reason to end.

Knows nothing of Durable or Azure. Time comes from the clock that is handed in, so that simulations run on theirs.

It ends when a receive gives nothing and nothing is left in hand, and for the reasons of `course.py`. What it takes is
in `taking.py`, what begins when in `ready.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import cast

from ebb.core.clock import Clock, steady
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.batches import BatchCalls
from ebb.execution.budget_gate import Gate
from ebb.execution.course import Course, IsNeeded, MayGoOn
from ebb.execution.effects import Effects
from ebb.execution.handler_calls import HandlerCalls
from ebb.execution.in_flight import InFlight
from ebb.execution.one_message import ExecutionReport, OneMessage, describe
from ebb.execution.ready import AsReceived, Ready
from ebb.execution.suspicion import NoSuspicion, Suspicion
from ebb.execution.taking import Taking
from ebb.execution.turns import Turns
from ebb.handlers import Handler
from ebb.sources.base import Source
from ebb.sources.holding import Held, Holding

__all__ = ["ExecutionReport", "run_execution"]

LOOK_EVERY = 5.0  # seconds: between looks at whether it may go on or at an empty source; how far ahead it takes
GIVE_BACK_WITHIN = 5.0  # seconds, after the hard limit, for giving back what had not begun

_log = logging.getLogger("ebb.execution")


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
        source, handler, settings, reason_to_stop, is_needed, steady(clock), log or {}, *given
    ).run()


class _Execution:
    def __init__(
        self,
        source: Source,
        handler: Handler,
        settings: ScheduleSettings,
        reason_to_stop: MayGoOn,
        is_needed: IsNeeded,
        clock: Clock,
        log: Mapping[str, object],
        turns: Turns,
        suspicion: Suspicion,
        report: ExecutionReport,
        effects: Effects | None,
        gate: Gate | None,
    ) -> None:
        self._settings, self._clock, self._log, self._report, self._gate = settings, clock, log, report, gate
        can = settings.source.can if settings.source else Capabilities()
        self._course = Course(settings, clock, reason_to_stop, is_needed, report, log, LOOK_EVERY)
        self._holding = Holding(source, can, timedelta(seconds=settings.visibility_timeout), clock, log)
        batch, limit = settings.batch, settings.handler_timeout
        self._batches = BatchCalls(handler, batch, limit, clock) if batch else None
        self._calls = self._batches or HandlerCalls(handler)
        told = self._handled, suspicion, self._course.fail, effects, gate
        one = OneMessage(self._holding, self._calls, settings, clock, report, log, *told)
        self._in_flight = InFlight(one, turns, settings.handler_timeout, clock, self._finished)
        self._taking = Taking(
            self._holding,
            settings,
            clock,
            self._course,
            report,
            suspicion,
            one_by_one=can.ordered,
            batches=self._batches,
            gate=gate,
        )
        self._line = AsReceived()
        at_once = 1 if can.ordered else settings.in_flight
        self._ready = Ready(
            self._line,
            at_once,
            settings.max_dequeue_count,
            self._in_flight,
            turns,
            self._holding,
            self._course,
            report,
        )

    async def run(self) -> ExecutionReport:
        work = asyncio.create_task(self._work())
        limit = asyncio.create_task(self._clock.sleep(self._settings.replica_timeout))
        side = {
            limit: "time limit",
            asyncio.create_task(self._holding.keep()): "lease keeper",
            asyncio.create_task(self._in_flight.limit()): "handler limit",
            asyncio.create_task(self._course.wake_regularly()): "regular look",
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
            self._ready.leave()
            self._in_flight.cancel()
            others = (work, *side, *self._taking.tasks)
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        calls = [] if self._batches else self._in_flight.left_behind()  # a message of a batch only waits for its call
        left = (*calls, *self._calls.left_behind)
        self._report.left_behind = tuple(each for each in left if not each.done())
        self._report.ended = self._course.ended or "empty"
        return self._report

    @property
    def _in_hand(self) -> int:
        return len(self._ready) + len(self._in_flight)

    async def _work(self) -> None:
        course = self._course
        while course.ended is None or self._in_hand:
            course.changed.clear()
            await self._look_around()
            if course.ended is not None:
                self._let_nobody_wait()
            room = self._taking.room(self._in_hand)
            if course.ended is None and room and self._taking.is_due:
                await self._take(room)
            elif self._in_hand:
                await course.changed.wait()
            elif course.ended is None:
                course.ended = "empty"
        if course.fault is not None:
            raise course.fault

    def _let_nobody_wait(self) -> None:
        """No more messages are taken: batches are not filled any more, and nobody waits for a budget."""
        if self._batches is not None:
            self._batches.flush()
        if self._gate is not None and (self._course.ended != "slice" or self._course.slice_left < -2 * LOOK_EVERY):
            self._gate.close()

    async def _look_around(self) -> None:
        course = self._course
        if await course.look():
            self._ready.begin()
        if course.ended in ("stopped", "failed") and len(self._ready):
            await self._ready.give_back()
        await course.end_slice()

    async def _take(self, room: int) -> None:
        batch = await self._taking.take(room)
        if batch:
            await self._look_around()  # a slow receive may have outlasted the permission to begin anything
            self._ready.add(batch)
            self._ready.begin()

    def _handled(self) -> None:
        if self._report.handled == 1:
            self._course.changed.set()

    def _finished(self, held: Held | None, fault: BaseException | None) -> None:
        course = self._course
        if fault is not None:
            course.fault, course.ended = fault, "failed"
        if held is not None:
            self._line.done(held)
        self._ready.begin()
        if course.ended is not None or self._taking.room(self._in_hand):
            course.changed.set()

    async def _time_out(self, work: asyncio.Task[None]) -> None:
        """`replicaTimeout` is over."""
        limit = f"replicaTimeout ({self._settings.replica_timeout:g} s) is over"
        _log.error(limit, extra=self._log)
        self._course.ended = "timedOut"
        await self._cut_short(work, "timedOut", limit)

    async def _end_without(self, name: str, cause: BaseException | None, work: asyncio.Task[None]) -> None:
        """A task beside the work has died. Without it leases lapse or limits do not hold: nothing may go on."""
        while isinstance(cause, BaseExceptionGroup):
            cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        died = f"the {name} of the execution died ({describe(cause)})"
        _log.error(died, extra=self._log, exc_info=cause)
        self._course.ended = "failed"
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
        giving_back = asyncio.create_task(self._ready.give_back())
        try:
            everything = asyncio.gather(giving_back, *hung, *settling, return_exceptions=True)
            await asyncio.wait({everything, leave}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leave.cancel()
            giving_back.cancel()
        unsettled = report.received - report.processed - report.failed - report.poisoned - report.released
        report.failed += min(len(hung), unsettled)
        report.lost = unsettled - min(len(hung), unsettled)
