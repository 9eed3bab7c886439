"""The gate before a handler: a message passes when the budget of its schedule lets it.

One gate for an execution. It asks the store for a portion when messages wait before it, not for each message, and not
at all while nobody waits. While the store is away nothing passes: nobody can know what others do.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from ebb.core.budget import SLOTS_LAST, BudgetState, Grant, accepted, given_back, refused, take
from ebb.core.clock import Clock
from ebb.core.errors import ConflictError, EbbError, StoreError
from ebb.core.refusals import Refusal
from ebb.core.remarks import BUDGETS, Remarks
from ebb.core.settings.budget import BudgetSettings

ATTEMPTS = 8  # at the budget's remark, which others write too
STORE_AWAY = 2.0  # seconds until it is asked again
LOOK = 5.0  # seconds between looks at slots that end

_log = logging.getLogger("ebb.execution")


class GateClosedError(EbbError):
    """The execution ends: the message did not pass, and is given back."""


class Gate:
    """Lets the messages of one execution pass."""

    def __init__(self, remarks: Remarks, budget: BudgetSettings, holder: str, most: int, clock: Clock) -> None:
        """`most` is how many messages the execution has in handlers at once, `holder` a name of its own."""
        self._remarks, self._budget, self._holder, self._most, self._clock = remarks, budget, holder, most, clock
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._running, self._grant, self._used = 0, Grant(), 0
        self._closed, self._changed = False, asyncio.Event()
        self.why: str | None = None  # what the gate waits for

    def room(self, in_hand: int) -> int:
        """How many more messages are worth taking beside those in hand: as many as may pass soon."""
        soon = self._grant.slots or 1
        if self._budget.rate is not None and self._grant.step:
            soon = min(soon, max(int(LOOK / self._grant.step), 1))
        return max(soon + self._running - in_hand, 0)

    async def enter(self) -> bool:
        """Wait until a message may be handled; `leave` must follow. Says whether its outcome is a probe's.

        Raises:
            GateClosedError: it may not any more.
        """
        if self._closed:
            raise GateClosedError("the execution ends")
        passed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(passed)
        self._changed.set()
        try:
            return await passed
        except asyncio.CancelledError:
            if passed in self._waiting:
                self._waiting.remove(passed)
            elif not passed.cancelled() and passed.exception() is None:
                self._running -= 1  # it had passed
            raise

    async def leave(self, was_probe: bool, refusal: Refusal | None) -> None:
        """A message that had passed is done; `refusal` is what its downstream said."""
        self._running -= 1
        self._changed.set()
        if refusal is not None or was_probe:
            self._grant, self._used = Grant(), 0  # ask again: what is given out has changed
        if refusal is not None:
            # A handler's own RetryAfter is about its message; only a server says for how long nobody should come.
            now, seconds = self._clock.now(), refusal.seconds if refusal.status is not None else None
            await self._write(lambda state: (refused(state, now, seconds), None))
        elif was_probe:
            await self._write(lambda state: (accepted(state), None))

    def close(self) -> None:
        """Let nobody pass any more: who waits is given back."""
        self._closed = True
        while self._waiting:
            passed = self._waiting.popleft()
            if not passed.done():
                passed.set_exception(GateClosedError("the execution ends"))

    async def keep(self) -> None:
        """Let messages pass as the budget allows, until cancelled; gives back what is left then."""
        try:
            while True:
                self._changed.clear()
                await self._wait(await self._turn())
        finally:
            if self._budget.concurrency is not None:
                await asyncio.shield(self._write(lambda state: (given_back(state, self._holder), None)))

    async def _turn(self) -> float:
        """Let pass who may now; returns the seconds until there is something to do again."""
        if self._must_renew():
            await self._ask()
        while self._waiting:
            pause = self._until_next()
            if pause is None:
                await self._ask()
                pause = self._until_next()
            if pause is None:
                return self._grant.again or 1.0
            if pause > 0:
                return pause
            self._used += 1
            self._running += 1
            self._waiting.popleft().set_result(self._grant.is_probe)
        return LOOK

    def _until_next(self) -> float | None:
        """Seconds until the next message may pass; None where the grant allows none."""
        grant, now = self._grant, self._clock.now()
        if self._running >= grant.slots or (grant.is_probe and self._used):
            return None if self._running < self._most and not grant.is_probe else LOOK
        if self._budget.concurrency is not None and (grant.until is None or grant.until <= now):
            return None
        if self._budget.rate is None:
            return 0.0
        return _left(grant, self._used, now)

    def _must_renew(self) -> bool:
        until = self._grant.until
        held = self._budget.concurrency is not None and self._running > 0 and until is not None
        return held and until is not None and self._clock.now() > until - SLOTS_LAST / 2

    async def _ask(self) -> None:
        now = self._clock.now()
        wanted = len(self._waiting) if _left(self._grant, self._used, now) is None else 0
        slots = self._most if self._budget.concurrency is None else min(self._running + len(self._waiting), self._most)

        def ask(state: BudgetState) -> tuple[BudgetState, Grant]:
            return take(self._budget, state, self._holder, now, wanted, slots)

        grant = await self._write(ask)
        if grant is None:
            grant = Grant(again=STORE_AWAY, why="the store is away")
        self.why = grant.why or None
        if not grant.messages and not grant.why:  # slots alone: the portion is what it was
            before = self._grant
            grant = Grant(before.messages, before.begins, before.step, grant.slots, grant.until)
        else:
            self._used = 0
        self._grant = grant

    async def _write(self, change: Callable[[BudgetState], tuple[BudgetState, Grant | None]]) -> Grant | None:
        """Change the budget by compare-and-swap; None where the store is away or others win each time."""
        for attempt in range(ATTEMPTS):
            try:
                noted = await self._remarks.remark(BUDGETS, self._budget.name)
                before = BudgetState.from_remark(noted.remark if noted else None)
                after, grant = change(before)
                if after != before:
                    etag = noted.etag if noted else None
                    await self._remarks.swap_remark(
                        BUDGETS, self._budget.name, self._clock.now(), after.to_remark(), etag
                    )
                return grant
            except ConflictError:
                await self._clock.sleep(random.uniform(0, 0.01 * 2**attempt))
            except StoreError as error:
                _log.warning("budget %s: %s", self._budget.name, error)
                return None
        return None

    async def _wait(self, seconds: float) -> None:
        changed = asyncio.create_task(self._changed.wait())
        slept = asyncio.create_task(self._clock.sleep(max(seconds, 0.001)))
        try:
            await asyncio.wait({changed, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            slept.cancel()


def _left(grant: Grant, used: int, now: datetime) -> float | None:
    """Seconds until message number `used` of a portion may begin; None where the portion has none or is over."""
    if grant.begins is None or used >= grant.messages:
        return None
    if now >= grant.begins + timedelta(seconds=grant.messages * grant.step):
        return None
    due = grant.begins + timedelta(seconds=used * grant.step)
    return max((due - now).total_seconds(), 0.0)
