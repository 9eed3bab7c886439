"""How long one execution goes on: until it is told to stop, its slice is over, or something failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from ebb.core.clock import Clock
from ebb.core.errors import SourceError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.execution.execution_report import Ended, ExecutionReport

STOOD_STILL = timedelta(seconds=15)  # who notices that so much time has passed unseen looks before it begins anything

_log = logging.getLogger("ebb.execution")

MayGoOn = Callable[[], Awaitable[str | None]]
IsNeeded = Callable[[], Awaitable[bool]]


class Course:
    """Whether an execution takes messages, begins them, or has ended; `changed` is set when that is to be looked at."""

    def __init__(
        self,
        settings: ScheduleSettings,
        clock: Clock,
        reason_to_stop: MayGoOn,
        is_needed: IsNeeded,
        makes_way: IsNeeded,
        report: ExecutionReport,
        log: Mapping[str, object],
        look_every: float,
    ) -> None:
        """`look_every` is in seconds: how often it asks whether it may go on."""
        self._reason_to_stop, self._is_needed, self._makes_way = reason_to_stop, is_needed, makes_way
        self._clock, self._report, self._log = clock, report, log
        self.look_every = look_every
        self.changed = asyncio.Event()
        self.ended: Ended | None = None  # why no more messages are taken
        self.fault: BaseException | None = None  # a defect of ours, to be raised
        now = clock.now()
        self._slice_end = now + timedelta(seconds=settings.execution_slice)
        self._stay_from = now + timedelta(seconds=2 * look_every)
        self._stay_until = now + timedelta(seconds=settings.replica_timeout / 2)
        self._look_at = now + timedelta(seconds=look_every)
        self._awake_at = now  # when it last knew that it does not stand still

    @property
    def slice_left(self) -> float:
        """Seconds until the slice is over; below 0 after that."""
        return (self._slice_end - self._clock.now()).total_seconds()

    def may_begin(self) -> bool:
        """Whether handlers may begin now: what has not begun at a stop is given back."""
        if self.ended in ("stopped", "failed", "timedOut"):
            return False
        if self._clock.now() > self._awake_at + STOOD_STILL:
            self._look_at = self._awake_at  # others may have taken over meanwhile: look before anything begins
            self.changed.set()
            return False
        return True

    async def look(self) -> bool:
        """Ask whether to go on, if it is time to; says whether it asked."""
        now = self._clock.now()
        if now < self._look_at or self.ended == "stopped":
            return False
        self._look_at = now + timedelta(seconds=self.look_every)
        if reason := await self._reason_to_stop():
            self.ended, self._report.reason = "stopped", reason
        elif self.ended is None and await self._makes_way():
            self._slice_end = now
        self._awake_at = self._clock.now()
        return True

    async def end_slice(self) -> None:
        """End if the slice is over, or later while it is needed. A short execution saw nobody die and does not ask."""
        now = self._clock.now()
        if self.ended is not None or now < self._slice_end:
            return
        if self._stay_from <= now < self._stay_until and await self._is_needed():
            self._slice_end = now + timedelta(seconds=self.look_every)
        else:
            self.ended = "slice"

    def fail(self, error: SourceError) -> None:
        """The source is away: take no more, finish what is in hand as far as that goes."""
        _log.error("the source failed: %s", error, extra=self._log)
        if self.ended != "failed":
            self.ended, self._report.error = "failed", str(error)
            self._report.count_error(type(error).__name__, str(error))
        self.changed.set()

    async def wake_regularly(self) -> None:
        """Set `changed` each time that it is time to look, until cancelled."""
        while True:
            await self._clock.sleep(self.look_every)
            if self._clock.now() <= self._awake_at + STOOD_STILL:
                self._awake_at = self._clock.now()
            self.changed.set()
