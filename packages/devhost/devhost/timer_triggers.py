"""Runs timer-triggered functions: never overlapping, remembered across restarts, late runs told as past due."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devhost.arguments import Bindings
from devhost.clock import Alarm, Clock
from devhost.converters import Datum
from devhost.errors import FunctionError
from devhost.indexing import Function
from devhost.schedules import NEVER, Schedule
from devhost.store import Store
from devhost.timestamps import read, stamp

log = logging.getLogger("devhost.timer")

_NO_TIME = datetime.min.replace(tzinfo=UTC)
"""`Last` of a timer that has not run yet (default(DateTime) in .NET)."""


@dataclass(frozen=True)
class _Status:
    """What is remembered of a timer: when it ran last, when it is to run next, and from which time that follows."""

    last: datetime
    next: datetime
    updated: datetime

    def to_json(self) -> dict[str, str]:
        return {"Last": stamp(self.last), "Next": stamp(self.next), "LastUpdated": stamp(self.updated)}


@dataclass
class TimerTrigger:
    """One timer function, after TimerListener and ScheduleMonitor of the timer extension."""

    function: Function
    next_time: Schedule
    bindings: Bindings
    clock: Clock
    store: Store

    def __post_init__(self) -> None:
        self._is_monitored = (
            self.function.trigger.get("useMonitor", True) is not False and not self.next_time.is_frequent
        )
        now = self.clock.now()
        self._status = _Status(_NO_TIME, self.next_time(now), now)
        self._alarm: Alarm | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def start(self) -> None:
        """Run at once if past due or asked to, else at the next time of the schedule."""
        now = self.clock.now()
        if self._is_monitored:
            self._remember(self._recorded(now))
        if self._is_monitored and now > self._status.next:
            self._begin(past_due=True)
        elif self.function.trigger.get("runOnStartup"):
            self._begin(on_startup=True)
        else:
            self._arm()

    def _recorded(self, now: datetime) -> _Status:
        """What was remembered, with another next time where the schedule is another now."""
        rows = self.store.rows("SELECT status FROM schedules WHERE function = ?", (self.function.name,))
        if not rows:
            return _Status(_NO_TIME, self.next_time(now), now)
        found = json.loads(rows[0]["status"])
        status = _Status(read(found["Last"]), read(found["Next"]), read(found["LastUpdated"]))
        origin = status.last if status.last != _NO_TIME else status.updated
        expected = self.next_time(origin)
        if status.next == expected:
            return status
        return _Status(_NO_TIME, expected, origin) if now <= expected else _Status(_NO_TIME, self.next_time(now), now)

    def run_now(self) -> None:
        """Run once beside the schedule (the admin API asks for it)."""
        self._spawn(self._run(past_due=False))

    async def stop(self, grace_seconds: float) -> None:
        """Run no more; a run in hand gets the grace period."""
        self._is_stopped = True
        if self._alarm:
            self._alarm.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        rest = list(self._tasks)
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1)

    def _arm(self) -> None:
        if self._is_stopped:
            return
        if self._status.next >= NEVER:
            log.warning("timer %s has no next time", self.function.name)
            return
        self._alarm = self.clock.call_at(self._status.next, self._begin)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self, *, past_due: bool = False, on_startup: bool = False) -> None:
        self._spawn(self._scheduled_run(past_due=past_due, on_startup=on_startup))

    async def _scheduled_run(self, *, past_due: bool, on_startup: bool) -> None:
        begun = self.clock.now()
        try:
            await self._run(past_due=past_due)
            # The next time follows from the begin of this run: a tick that falls into it comes at once, late.
            last = begun if past_due or on_startup else max(begun, self._status.next)
            self._remember(_Status(last, self.next_time(last), last))
        finally:
            self._arm()

    async def _run(self, *, past_due: bool) -> None:
        status = self._status.to_json() if self._is_monitored else None
        info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
        try:
            await self.bindings.call(self.function, Datum(json.dumps(info), "json"))
        except FunctionError as failure:
            log.error("timer %s failed: %s; its schedule goes on", self.function.name, failure.reason)

    def _remember(self, status: _Status) -> None:
        self._status = status
        if not self._is_monitored:
            return
        with self.store.transaction() as connection:
            row = (self.function.name, json.dumps(status.to_json()))
            connection.execute("INSERT OR REPLACE INTO schedules VALUES (?,?)", row)
