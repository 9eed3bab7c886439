"""Time for the host: the real clock, and one that is moved by hand so that a month of a schedule runs in seconds."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

LONGEST_ARM_SECONDS = 600.0
"""A real timer looks at the wall clock again after this, so that a laptop which slept fires it soon after waking."""


class Alarm(Protocol):
    """Something that was armed and can be called off."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Where the host takes the time from; `now` is aware and in UTC."""

    def now(self) -> datetime: ...

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Alarm:
        """Call `callback` on the event loop at or after `moment`, never before, unless the clock is set back meanwhile:
        then once the time has passed that there was until `moment`.
        """
        ...

    async def sleep(self, seconds: float) -> None: ...


class RealClock:
    """The wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Alarm:
        return _RealAlarm(self, moment, callback)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _RealAlarm:
    def __init__(self, clock: RealClock, moment: datetime, callback: Callable[[], None]) -> None:
        self._clock, self._moment, self._callback = clock, moment, callback
        self._loop = asyncio.get_running_loop()
        # Whoever sets the wall clock back does not make anybody wait that much longer.
        self._over_at = self._loop.time() + (moment - clock.now()).total_seconds()
        self._arm()

    def _arm(self) -> None:
        left = min((self._moment - self._clock.now()).total_seconds(), self._over_at - self._loop.time())
        self._handle = self._loop.call_later(min(max(left, 0.0), LONGEST_ARM_SECONDS), self._look)

    def _look(self) -> None:
        if self._clock.now() < self._moment and self._loop.time() < self._over_at:
            self._arm()
        else:
            self._callback()

    def cancel(self) -> None:
        self._handle.cancel()


@dataclass(eq=False)
class Work:
    """One running piece of user code; it holds manual time still unless it waits in `ManualClock.sleep`."""

    name: str
    sleepers: int = 0


_current_work: ContextVar[Work | None] = ContextVar("devhost_current_work", default=None)


@dataclass
class WorkLedger:
    """Which user code runs at this moment."""

    running: set[Work] = field(default_factory=set[Work])

    @contextlib.contextmanager
    def entry(self, name: str) -> Generator[Work]:
        """Count the body of the `with` as running work."""
        work = Work(name)
        self.running.add(work)
        token = _current_work.set(work)
        try:
            yield work
        finally:
            _current_work.reset(token)
            self.running.discard(work)

    @property
    def all_asleep(self) -> bool:
        """Whether every running piece of work waits for the clock (true when none runs)."""
        return all(work.sleepers for work in self.running)


@dataclass(order=True)
class _ManualAlarm:
    moment: datetime
    order: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """A clock that stands still until `advance_to` moves it; the same run gives the same times each time.

    Inside a `Host` it is moved by `run_until`, to the next due alarm, and only when nothing runs or is runnable.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        if self._now.tzinfo is None:
            raise ValueError(f"ManualClock needs a start with a time zone, got {self._now!r}; add tzinfo=UTC")
        self._alarms: list[_ManualAlarm] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return self._now

    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Alarm:
        alarm = _ManualAlarm(max(moment, self._now), next(self._order), callback)
        heapq.heappush(self._alarms, alarm)
        return alarm

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        work = _current_work.get()
        woken = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        alarm = self.call_at(self._now + timedelta(seconds=seconds), wake)
        if work:
            work.sleepers += 1
        try:
            await woken
        finally:
            alarm.cancel()
            if work:
                work.sleepers -= 1

    def next_due(self) -> datetime | None:
        """When the next alarm goes off; None when none is armed."""
        while self._alarms and self._alarms[0].cancelled:
            heapq.heappop(self._alarms)
        return self._alarms[0].moment if self._alarms else None

    def advance_to(self, moment: datetime) -> None:
        """Move to `moment` and call every alarm that is due by then, earliest first."""
        while (due := self.next_due()) is not None and due <= moment:
            self._now = max(self._now, due)
            heapq.heappop(self._alarms).callback()
        self._now = max(self._now, moment)
