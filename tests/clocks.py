"""Clocks that a test moves: one that stands still until then, and the machine's, gone ahead."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

from ebb.core.clock import SystemClock


class SteppedClock:
    """Begins on 2026-01-31 12:00 UTC; `step` moves it and wakes who sleeps no longer."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self._order = count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), woken))
        await woken

    def step(self, seconds: float) -> None:
        """Move time by `seconds` at once; sleepers that are due wake up at the next turn of the event loop."""
        self._move_to(self._now + timedelta(seconds=seconds))

    async def run(self, seconds: float) -> None:
        """Move time by `seconds`, from one sleeper's end to the next, letting everything react in between."""
        end = self._now + timedelta(seconds=seconds)
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._move_to(self._sleepers[0][0])
            await settle()
        self._move_to(end)
        await settle()

    def _move_to(self, moment: datetime) -> None:
        self._now = moment
        while self._sleepers and self._sleepers[0][0] <= moment:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)


class SystemClockAhead(SystemClock):
    """The machine's clock, and the time that `step` adds."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def step(self, seconds: float) -> None:
        """Go ahead by `seconds` at once."""
        self._ahead += timedelta(seconds=seconds)


async def settle(turns: int = 30) -> None:
    """Let the tasks that can go on do so; `turns` of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
