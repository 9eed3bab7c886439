"""Ends an execution that cannot wait for its messages: its time is over, or a task beside the work has died."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import cast

from ebb.core.clock import Clock
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted
from ebb.execution.course import Course
from ebb.execution.error_texts import describe
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.in_flight import InFlight
from ebb.execution.ready import Ready

GIVE_BACK_WITHIN = 5.0  # seconds, after the hard limit, for giving back what had not begun

_log = logging.getLogger("ebb.execution")


class ForcedEnd:
    """The two ways; each returns when what can be counted is counted."""

    def __init__(
        self,
        ready: Ready,
        in_flight: InFlight,
        course: Course,
        settings: ScheduleSettings,
        clock: Clock,
        report: ExecutionReport,
        log: Mapping[str, object],
    ) -> None:
        self._ready, self._in_flight, self._course = ready, in_flight, course
        self._settings, self._clock, self._report, self._log = settings, clock, report, log

    async def time_out(self, work: asyncio.Task[None]) -> None:
        """`replicaTimeout` is over."""
        limit = f"replicaTimeout ({self._settings.replica_timeout:g} s) is over"
        _log.error(limit, extra=self._log)
        self._course.ended = "timedOut"
        await self._cut_short(work, "timedOut", limit)

    async def end_without(self, name: str, cause: BaseException | None, work: asyncio.Task[None]) -> None:
        """A task beside the work has died. Without it leases lapse or limits do not hold: nothing may go on."""
        while isinstance(cause, BaseExceptionGroup):
            cause = cast("BaseExceptionGroup[BaseException]", cause).exceptions[0]
        died = f"the {name} of the execution died ({describe(cause)})"
        _log.error(died, extra=self._log, exc_info=cause)
        self._course.ended = "failed"
        await self._cut_short(work, "died", died)

    async def _cut_short(self, work: asyncio.Task[None], kind: str, why: str) -> None:
        """End now: handlers are cancelled or abandoned and count as failed, their messages come back by their lease.

        A message whose handler could not begin, because its lease had to be looked at first, has not failed.
        Removals that are on their way get the time to be counted.
        """
        report, unbegun, begun = self._report, len(self._ready), len(self._report.in_hand)
        work.cancel()
        settling, hung = self._in_flight.settling(), self._in_flight.interrupt()
        ended = f"{counted(begun, 'handler')} ended or abandoned"
        report.error = f"{why}: {ended}, {counted(unbegun, 'message')} given back that had not begun"
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
        report.failed += min(begun, unsettled)
        report.lost = unsettled - min(begun, unsettled)
