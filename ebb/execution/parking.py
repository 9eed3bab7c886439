"""Keys that several executions may meet: each is claimed by one, and what cannot begin soon is parked.

A message is parked, that is given back for up to PARKED_FOR, when another execution works on its key, or when more of
its key are in hand than would begin within that time: so the hands are free for other keys. That costs requests, and
does not count as a try: it is noted first, and who receives the message again takes the parkings off its dequeue
count. While the store is away nobody can claim, note or count: then the messages of keys that are not claimed yet stay
in hand and wait.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta

from ebb.core.clock import Clock
from ebb.core.errors import LeaseLostError, SourceError, StoreError
from ebb.core.key_claim import PARKED_FOR, Parkings, parking_time
from ebb.core.settings.per_key import PerKeySettings
from ebb.execution.course import Course
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.holding import Held, Holding
from ebb.execution.key_claims import KeyClaims
from ebb.execution.keyed import KeyedLine

TURN = 5.0  # seconds between looks at claims; half of what they may be late

_log = logging.getLogger("ebb.execution")


class Parking:
    """Opens the keys of one execution's line, and parks messages."""

    def __init__(
        self,
        line: KeyedLine,
        per_key: PerKeySettings,
        claims: KeyClaims,
        holding: Holding,
        course: Course,
        report: ExecutionReport,
        clock: Clock,
        suspect: Callable[[Sequence[Held]], Awaitable[None]],
    ) -> None:
        """`suspect` marks messages that may have ended a process; it goes by their dequeue counts."""
        self._line, self._per_key, self._claims, self._holding = line, per_key, claims, holding
        self._course, self._report, self._clock, self._suspect = course, report, clock, suspect
        self._turn = asyncio.Lock()
        self._idle: set[str] = set()  # keys that had nothing in hand at the last turn
        self.on_its_way = 0  # messages that are being parked

    async def admit(self, batch: Sequence[Held], add: Callable[[Sequence[Held]], None]) -> None:
        """Claim the keys of messages that were received; `add` puts them into the line."""
        async with self._turn:
            await self._suspect([held for held in batch if self._line.tell(held) is None])
            add(batch)
            await self._open_closed()
            await self._park_surplus({held.message.key for held in batch})

    async def keep(self, begin: Callable[[], None]) -> None:
        """Renew claims and let go of those that are idle, until cancelled; then let go of all that can be."""
        try:
            while True:
                await self._clock.sleep(TURN)
                async with self._turn:
                    await self._renew()
                    await self._open_closed()
                    await self._park_surplus(self._claims.keys)
                begin()
        finally:
            await asyncio.shield(self._let_go(self._claims.keys))

    async def park_all(self) -> None:
        """Give back what has not begun: the execution ends. While the store is away it stays in the line."""
        async with self._turn:
            await self._park(self._line.take_all(), timedelta())

    async def _renew(self) -> None:
        idle = {key for key in self._claims.keys if self._line.keys.is_idle(key)}
        await self._let_go(idle & self._idle)
        self._idle = idle
        await asyncio.gather(*(self._renew_one(key) for key in self._claims.keys))

    async def _renew_one(self, key: str) -> None:
        try:
            claim = await self._claims.renew(key, self._line.keys.due_of(key))
        except StoreError as error:  # nothing begins beyond its end
            _log.warning("the claim on key %s was not renewed: %s", key, error)
            return
        if claim is None:
            self._line.keys.close(key)
        else:
            self._line.keys.extend(key, claim.until)

    async def _let_go(self, keys: Iterable[str]) -> None:
        """Leave keys to others. A handler that was left behind may still work on its key: that claim ends by itself."""
        idle = [key for key in keys if self._line.keys.is_idle(key)]
        await self._claims.let_go({key: self._line.keys.due_of(key) for key in idle})
        for key in idle:
            self._line.keys.forget(key)

    async def _open_closed(self) -> None:
        await asyncio.gather(*(self._open(key) for key in self._line.keys.closed))

    async def _open(self, key: str) -> None:
        waiting = list(self._line.keys.waiting(key))
        try:
            claim = await self._claims.take(key)
            if claim is not None:
                await self._count(waiting)
        except StoreError as error:  # they wait for the next turn
            _log.warning("key %s cannot be claimed: %s", key, error)
            return
        if claim is None:
            await self._park(self._line.keys.cut(key, 0))
        else:
            self._line.keys.open(key, claim.until, claim.due)

    async def _count(self, waiting: Sequence[Held]) -> None:
        """Take the parkings off the dequeue counts of messages."""
        unknown = [held for held in waiting if held.parked is None]
        await asyncio.gather(*(self._know(held) for held in unknown))
        for held in unknown:
            assert held.parked is not None
            held.taken_off = min(held.parked.times, held.message.dequeue_count - 1)
            held.message.dequeue_count -= held.taken_off
        await self._suspect(unknown)

    async def _know(self, held: Held) -> None:
        held.parked = await self._claims.parked(held.message.id) if held.message.dequeue_count > 1 else Parkings()

    async def _park_surplus(self, keys: Iterable[str | None]) -> None:
        keep = self._worth_keeping()
        if keep is not None:
            surplus = [held for key in keys if key is not None for held in self._line.keys.cut(key, keep)]
            await self._park(surplus, PARKED_FOR)

    def _worth_keeping(self) -> int | None:
        """How many messages of one key begin before one that is parked comes again; None: nobody knows yet."""
        report, per_key = self._report, self._per_key
        mean = report.service_seconds / report.handled if report.handled else self._so_far()
        speed = per_key.concurrency / mean if mean else math.inf
        speed = min(speed, per_key.rate or math.inf)
        return None if math.isinf(speed) else max(math.ceil(speed * PARKED_FOR.total_seconds()), per_key.concurrency)

    def _so_far(self) -> float:
        began = min(self._report.in_hand.values(), default=None)
        return (self._clock.now() - began).total_seconds() if began else 0.0

    async def _park(self, messages: Sequence[Held], wait: timedelta | None = None) -> None:
        """Give messages back; without `wait` another has their key."""
        self.on_its_way += len(messages)
        await asyncio.gather(*(self._park_one(held, wait) for held in messages))
        if messages:
            self._course.changed.set()

    async def _park_one(self, held: Held, wait: timedelta | None) -> None:
        try:
            if held.parked is None:
                await self._know(held)
            before = held.parked or Parkings()
            wait = parking_time(before.times) if wait is None else wait
            parkings = before.one_more(self._clock.now())
            await self._claims.note_parked(held.message.id, parkings)
            await self._holding.release(held, wait)
        except StoreError as error:
            _log.warning("message %s waits in hand, for it cannot be noted: %s", held.message.id, error)
            held.parked = held.parked if held.taken_off else None  # to be counted yet, once its key is claimed
            self._line.add(held)
        except SourceError as error:
            self._report.lost += 1
            if not isinstance(error, LeaseLostError):
                self._course.fail(error)
        else:
            self._report.received -= 1
            self._report.parked_until(self._clock.now() + wait, parkings.since)
        finally:
            self.on_its_way -= 1
