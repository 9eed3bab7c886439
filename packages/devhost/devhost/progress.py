"""Lets tests and simulations wait for a moment or a condition; with a manual clock it is what moves the time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from devhost.clock import Clock, ManualClock, WorkLedger
from devhost.errors import DevhostError
from devhost.lane import Lane

Target = datetime | timedelta | Callable[[], Any]
"""A time, a stretch of time from now on, or a condition (a function whose result, awaited if need be, is true)."""

_GLANCE_SECONDS = 0.001
_POLL_SECONDS = 0.01
_STOPPED = "the host has stopped in the middle of its work; its log says why"


class Progress:
    """Waits on behalf of one host."""

    def __init__(self, clock: Clock, lane: Lane, ledger: WorkLedger) -> None:
        self._clock, self._lane, self._ledger = clock, lane, ledger

    async def run_until(self, target: Target, patience_seconds: float) -> None:
        """Return once `target` is reached.

        A manual clock is moved to its next due alarm each time nothing runs or is runnable, so equal runs take equal
        steps; work that waits in the clock's own `sleep` counts as not running.

        Raises:
            DevhostError: `patience_seconds` of real time passed, or (manual clock) nothing is left that could happen.
        """
        limit = asyncio.timeout(patience_seconds)
        try:
            async with limit:
                if isinstance(self._clock, ManualClock):
                    await self._advance(self._clock, target)
                else:
                    await self._poll(target)
        except TimeoutError as error:
            if not limit.expired():
                raise
            running = ", ".join(sorted(work.name for work in self._ledger.running)) or "nothing"
            raise DevhostError(f"not reached within {patience_seconds} s of real time; running: {running}") from error

    async def settle(self) -> None:
        """Wait until everything that can happen without time passing has happened."""
        while True:
            await _let_others_run()
            is_quiet = self._lane.is_idle and self._ledger.all_asleep
            # In this order: what a thread that is idle now has handed over is among what is ready.
            is_quiet = is_quiet and not _a_thread_works() and not _something_is_ready()
            if self._lane.is_stopped or is_quiet:
                return
            await asyncio.sleep(_GLANCE_SECONDS)

    async def _advance(self, clock: ManualClock, target: Target) -> None:
        until = _moment(clock, target)
        while True:
            await self.settle()
            if self._lane.is_stopped:
                raise DevhostError(_STOPPED)
            if until is None and await _holds(target):
                return
            due = clock.next_due()
            if until is not None and (due is None or due > until):
                clock.advance_to(until)
                await self.settle()
                return
            if due is None:
                raise DevhostError(f"at {clock.now()} nothing is left that could happen, and the condition is not met")
            clock.advance_to(due)

    async def _poll(self, target: Target) -> None:
        until = _moment(self._clock, target)
        if until is not None:
            await self._clock.sleep((until - self._clock.now()).total_seconds())
            return
        while not await _holds(target):
            if self._lane.is_stopped:
                raise DevhostError(_STOPPED)
            await asyncio.sleep(_POLL_SECONDS)


def _moment(clock: Clock, target: Target) -> datetime | None:
    if isinstance(target, timedelta):
        return clock.now() + target
    return target if isinstance(target, datetime) else None


async def _holds(target: Target) -> bool:
    assert callable(target)
    result = target()
    return bool(await result if inspect.isawaitable(result) else result)


async def _let_others_run() -> None:
    """Return when nothing but the caller is ready to run on the event loop."""
    while True:
        await asyncio.sleep(0)
        if not _something_is_ready():
            return


def _something_is_ready() -> bool:
    # The queue of ready callbacks is private, but there is no other way to know that every task waits.
    return bool(getattr(asyncio.get_running_loop(), "_ready", ()))


def _a_thread_works() -> bool:
    """Whether a thread of `asyncio.to_thread` is busy: then something goes on though nothing is ready to run."""
    executor = getattr(asyncio.get_running_loop(), "_default_executor", None)
    if not isinstance(executor, ThreadPoolExecutor):
        return False
    # Private as well. A thread counts itself as idle after it has handed over its result.
    idle = executor._idle_semaphore._value
    return executor._work_queue.qsize() > 0 or idle < len(executor._threads)
