"""The timer and queue triggers of an app: made, started and stopped together, and run by hand."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC

from devhost.arguments import Bindings
from devhost.clock import Clock, ManualClock
from devhost.indexing import Function, Functions
from devhost.queue_triggers import QueueTrigger
from devhost.schedules import parse_schedule, time_zone
from devhost.settings import QueueSettings
from devhost.store import Store
from devhost.timer_triggers import TimerTrigger


class Triggers:
    """All triggers of one app that are not HTTP and not durable."""

    def __init__(
        self, functions: Functions, bindings: Bindings, clock: Clock, store: Store, queues: QueueSettings
    ) -> None:
        """Read every schedule and connection.

        Raises:
            AppError: a schedule cannot be read.
            SettingsError: an app setting is missing.
        """
        zone = UTC if isinstance(clock, ManualClock) else time_zone(os.environ)
        self._timers = [
            TimerTrigger(
                function, parse_schedule(function.trigger["schedule"], os.environ, zone), bindings, clock, store
            )
            for function in functions.enabled("timerTrigger")
        ]
        self._queues = [
            QueueTrigger(function, bindings, queues, os.environ) for function in functions.enabled("queueTrigger")
        ]

    def start(self) -> None:
        """Begin to wait for times and messages."""
        for trigger in (*self._timers, *self._queues):
            trigger.start()

    async def stop(self, grace_seconds: float) -> None:
        """Begin nothing more; runs in hand get the grace period."""
        await asyncio.gather(*(trigger.stop(grace_seconds) for trigger in (*self._timers, *self._queues)))

    def run_by_hand(self, function: Function, given: str | None) -> bool:
        """Begin one run outside the schedule; False when the function is neither a timer nor a queue function."""
        for timer in self._timers:
            if timer.function is function:
                timer.run_now()
                return True
        for queue in self._queues:
            if queue.function is function:
                queue.run_now(given)
                return True
        return False
