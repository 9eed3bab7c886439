"""Runs timer-triggered functions: never overlapping, remembered across restarts, late runs told as past due."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from devhost.arguments import Bindings
from devhost.clock import Alarm, Clock
from devhost.converters import Datum
from devhost.errors import FunctionError
from devhost.indexing import Function
from devhost.schedules import NEVER, NextTime
from devhost.store import Store
from devhost.timestamps import read, stamp

log = logging.getLogger("devhost.timer")

SHORTEST_MONITORED = timedelta(minutes=1)
"""Schedules with shorter periods are not remembered, as in the Azure timer extension."""


@dataclass
class TimerTrigger:
    """One timer function. `next_time` is its schedule."""

    function: Function
    next_time: NextTime
    bindings: Bindings
    clock: Clock
    store: Store

    def __post_init__(self) -> None:
        now = self.clock.now()
        first = self.next_time(now)
        is_frequent = self.next_time(first) - first < SHORTEST_MONITORED
        self._is_monitored = self.function.trigger.get("useMonitor", True) is not False and not is_frequent
        self._alarm: Alarm | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    def start(self) -> None:
        """Run at once if asked to or past due, else at the next time of the schedule."""
        now = self.clock.now()
        status = self._status()
        due = read(status["Next"]) if status else None
        if due is not None and due < now:
            self._begin(past_due=True)
        elif self.function.trigger.get("runOnStartup"):
            self._begin(past_due=False)
        else:
            self._arm(now)

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

    def _arm(self, after: datetime) -> None:
        if self._is_stopped:
            return
        moment = self.next_time(after)
        if moment >= NEVER:
            log.warning("timer %s has no next time", self.function.name)
            return
        self._alarm = self.clock.call_at(moment, lambda: self._begin(past_due=False))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self, *, past_due: bool) -> None:
        self._spawn(self._scheduled_run(past_due))

    async def _scheduled_run(self, past_due: bool) -> None:
        try:
            await self._run(past_due=past_due)
            if self._is_monitored:
                self._remember(self.clock.now())
        finally:
            self._arm(self.clock.now())

    async def _run(self, *, past_due: bool) -> None:
        info = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": self._status(), "IsPastDue": past_due}
        try:
            await self.bindings.call(self.function, Datum(json.dumps(info), "json"))
        except FunctionError as failure:
            log.error("timer %s failed: %s; its schedule goes on", self.function.name, failure.reason)

    def _status(self) -> dict[str, Any] | None:
        if not self._is_monitored:
            return None
        rows = self.store.rows("SELECT status FROM schedules WHERE function = ?", (self.function.name,))
        return json.loads(rows[0]["status"]) if rows else None

    def _remember(self, now: datetime) -> None:
        status = {"Last": stamp(now), "Next": stamp(self.next_time(now)), "LastUpdated": stamp(now)}
        with self.store.transaction() as connection:
            row = (self.function.name, json.dumps(status))
            connection.execute("INSERT OR REPLACE INTO schedules VALUES (?,?)", row)
