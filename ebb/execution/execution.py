"""One execution: takes messages from a source and has them handled, until there is a reason to end.

Knows nothing of Durable or Azure. Time comes from the clock that is handed in, so that simulations run on theirs.

It ends when a receive gives nothing and nothing is left in hand, and for the reasons of `course.py`. What it takes is
in `taking.py`, what begins when in `ready.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from ebb.core.clock import Clock, steady
from ebb.core.contract.handler import Handler
from ebb.core.contract.source import Source
from ebb.core.settings.capabilities import Capabilities
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.batches import BatchCalls
from ebb.execution.budget_gate import Gate
from ebb.execution.course import Course, IsNeeded, MayGoOn
from ebb.execution.effects import Effects
from ebb.execution.ending import ForcedEnd
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.handler_calls import HandlerCalls
from ebb.execution.holding import Held, Holding
from ebb.execution.in_flight import InFlight
from ebb.execution.key_claims import KeyClaims
from ebb.execution.keyed import KeyedLine
from ebb.execution.one_message import OneMessage
from ebb.execution.parking import Parking
from ebb.execution.ready import AsReceived, Ready
from ebb.execution.suspicion import NoSuspicion, Suspicion
from ebb.execution.taking import Taking
from ebb.execution.turns import HandlerTurns

LOOK_EVERY = 5.0  # seconds: between looks at whether it may go on or at an empty source; how far ahead it takes
MOST_BLOCKED = 4  # batches in hand that wait for their keys while handlers are free; then no more is taken


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
    turns: HandlerTurns | None = None,
    suspicion: Suspicion | None = None,
    report: ExecutionReport | None = None,
    effects: Effects | None = None,
    gate: Gate | None = None,
    claims: KeyClaims | None = None,
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
        claims: on keys, where several executions may meet the same one (`perKey.key`); None: nobody else is there.
        report: filled as the work goes on, for whoever wants to look meanwhile.

    Returns:
        What was done. Faults of handlers and of the source are part of it, not exceptions.
    """
    given = turns or HandlerTurns(), suspicion or NoSuspicion(), report or ExecutionReport(), effects, gate, claims
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
        turns: HandlerTurns,
        suspicion: Suspicion,
        report: ExecutionReport,
        effects: Effects | None,
        gate: Gate | None,
        claims: KeyClaims | None,
    ) -> None:
        self._settings, self._clock, self._log, self._report, self._gate = settings, clock, log, report, gate
        can = settings.source.can if settings.source else Capabilities()
        asked = reason_to_stop, is_needed, makes_way
        self._course = Course(settings, clock, *asked, report, log, LOOK_EVERY)
        self._holding = Holding(source, can, timedelta(seconds=settings.visibility_timeout), clock, log)
        batch, limit = settings.batch, settings.handler_timeout
        self._batches = BatchCalls(handler, batch, limit, clock) if batch else None
        self._calls = self._batches or HandlerCalls(handler)
        told = self._handled, suspicion, self._course.fail, effects, gate
        one = OneMessage(self._holding, self._calls, settings, clock, report, log, *told)
        self._in_flight = InFlight(one, turns, settings.handler_timeout, clock, self._finished)
        around = settings, clock, self._course, report, suspicion
        batches = self._batches
        self._taking = Taking(self._holding, *around, one_by_one=can.ordered, batches=batches, gate=gate)
        per_key = settings.per_key
        self._holds_back = can.holds_back or settings.messages_of_a_key is not None
        self._keyed = KeyedLine(per_key, clock, claimed=claims is not None) if per_key else None
        line = AsReceived() if self._keyed is None else self._keyed
        self._in_order = can.ordered
        self._at_once = 1 if self._in_order else settings.in_flight
        into = self._in_flight, turns, self._holding, self._course, report
        self._ready = Ready(line, self._at_once, settings.max_dequeue_count, *into)
        self._ending = ForcedEnd(self._ready, self._in_flight, self._course, settings, clock, report, log)
        self._parking: Parking | None = None
        if self._keyed is not None and per_key is not None and claims is not None:
            beside = self._holding, self._course, report, clock, self._taking.suspect
            self._parking = Parking(self._keyed, per_key, claims, *beside)

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
        if self._keyed is not None:
            side[asyncio.create_task(self._keyed.keep(self._ready.begin))] = "rate of keys"
        if self._parking is not None:
            side[asyncio.create_task(self._parking.keep(self._ready.begin))] = "claims on keys"
        try:
            await asyncio.wait({work, *side}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
            elif limit.done() and limit.exception() is None:
                await self._ending.time_out(work)
            else:
                dead = next(task for task in side if task.done())
                await self._ending.end_without(side[dead], dead.exception(), work)
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
        parked = self._parking.on_its_way if self._parking else 0
        return len(self._ready) + len(self._in_flight) + parked

    @property
    def _room(self) -> int:
        """How many more messages to take. What waits for its key while handlers are free stands in nobody's way, but
        of a source that gives them in order one is in hand at a time, whatever it waits for.
        """
        blocked = 0
        if self._keyed is not None and not self._in_order and len(self._in_flight) < self._at_once:
            blocked = min(len(self._ready), MOST_BLOCKED * self._settings.batch_size)
        return self._taking.room(self._in_hand - blocked)

    async def _work(self) -> None:
        course = self._course
        while course.ended is None or self._in_hand:
            course.changed.clear()
            await self._look_around()
            if course.ended is not None:
                await self._let_nobody_wait()
            room = self._room
            if course.ended is None and room and self._taking.is_due:
                await self._take(room)
            elif self._in_hand:
                await course.changed.wait()
            elif course.ended is None:
                course.ended = "empty"
        if course.fault is not None:
            raise course.fault

    async def _let_nobody_wait(self) -> None:
        """No more messages are taken: batches are not filled any more, and nobody waits for a budget or a key."""
        if self._batches is not None:
            self._batches.flush()
        if self._course.ended == "slice" and self._course.slice_left >= -2 * LOOK_EVERY:
            return
        if self._gate is not None:
            self._gate.close()
        if self._keyed is not None and len(self._ready):
            if self._parking is not None:
                await self._parking.park_all()
            await self._ready.give_back()

    async def _look_around(self) -> None:
        course = self._course
        if await course.look():
            self._ready.begin()
        if course.ended in ("stopped", "failed") and len(self._ready):
            await self._ready.give_back()
        await course.end_slice()

    async def _take(self, room: int) -> None:
        batch = await self._taking.take(room)
        if not batch:
            return
        if self._parking is None:
            await self._taking.suspect(batch)
        await self._look_around()  # a slow receive may have outlasted the permission to begin anything
        if self._parking is None:
            self._ready.add(batch)
        else:
            await self._parking.admit(batch, self._ready.add)
        self._ready.begin()

    def _handled(self) -> None:
        if self._report.handled == 1:
            self._course.changed.set()

    def _finished(self, held: Held | None, fault: BaseException | None) -> None:
        course = self._course
        if fault is not None:
            course.fault, course.ended = fault, "failed"
        if self._keyed is not None and held is not None:
            self._keyed.done(held)
        if self._holds_back:
            self._taking.look_again()  # what followed may come now
        self._ready.begin()
        if course.ended is not None or self._room:
            course.changed.set()
