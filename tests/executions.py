"""An execution under test: a queue in memory, a clock that the test moves, a stop that it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from ebb import Message
from ebb.core.contract.handler import Handler
from ebb.core.errors import SourceUnavailableError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.sources.memory.source import MemoryBroker, MemorySource
from tests.clocks import SteppedClock

QUEUE = "work"


class Execution:
    """One execution, not started yet."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SteppedClock()
        self.broker = MemoryBroker(self.clock)
        self.queue = self.broker.create(QUEUE)
        self.source = MemorySource(self.broker, QUEUE)
        self.settings: ScheduleSettings = validate_settings(
            {"source": {"type": "memory"}, "handler": "handlers.noop:handle", **settings}
        )
        self.stop_reason: str | None = None
        self.looks = 0
        self.way_from: datetime | None = None  # from then on a lane above wants its place
        self.needed_until: datetime | None = None  # a sibling has fallen silent, and until then its work is with nobody

    def put(self, *bodies: str) -> list[str]:
        return [self.broker.put(QUEUE, body) for body in bodies]

    async def reason_to_stop(self) -> str | None:
        self.looks += 1
        return self.stop_reason

    async def is_needed(self) -> bool:
        return self.needed_until is not None and self.clock.now() < self.needed_until

    async def makes_way(self) -> bool:
        return self.way_from is not None and self.clock.now() >= self.way_from

    def start(self, handler: Handler, **more: Any) -> asyncio.Task[ExecutionReport]:
        """Begin it; `more` are further arguments of `run_execution`."""
        return asyncio.create_task(
            run_execution(
                self.source,
                handler,
                self.settings,
                reason_to_stop=self.reason_to_stop,
                is_needed=self.is_needed,
                makes_way=self.makes_way,
                clock=self.clock,
                log={"schedule": "s", "cycle": 1, "execution": 0},
                **more,
            )
        )

    def visible(self) -> int:
        return sum(stored.visible_at <= self.clock.now() for stored in self.queue.messages.values())


class CountingSource(MemorySource):
    """A source that notes how many messages each receive asked for."""

    def __init__(self, broker: MemoryBroker, name: str) -> None:
        super().__init__(broker, name)
        self.limits: list[int] = []

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        self.limits.append(limit)
        return await super().receive(limit, lease)


class SlowSource(MemorySource):
    """A source whose answers to a receive come late; the leases begin when it was asked."""

    def __init__(self, broker: MemoryBroker, name: str, clock: SteppedClock, seconds: float) -> None:
        super().__init__(broker, name)
        self._clock, self._seconds = clock, seconds

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        received = await super().receive(limit, lease)
        await self._clock.sleep(self._seconds)
        return received


class SlowlySettled(MemorySource):
    """A source whose answers to a removal come late; the message is gone at once."""

    def __init__(self, broker: MemoryBroker, name: str, clock: SteppedClock, seconds: float) -> None:
        super().__init__(broker, name)
        self._clock, self._seconds = clock, seconds

    async def complete(self, message: Message) -> None:
        await super().complete(message)
        await self._clock.sleep(self._seconds)


class NotRenewing(MemorySource):
    """A source whose leases cannot be renewed until `there` is set; without `answers` it does not even say so."""

    there, answers = False, True

    async def extend(self, message: Message, lease: timedelta) -> None:
        if not self.answers:
            await asyncio.Event().wait()
        if not self.there:
            raise SourceUnavailableError("away")
        await super().extend(message, lease)


def sleeping(execution: Execution, seconds: float, begun: list[str]) -> Callable[[Message], Awaitable[None]]:
    """A handler that notes what it begins and works for `seconds` of the execution's clock.

    The message "quick" is done at once: an execution that met it expects quick handlers and takes messages ahead.
    """

    async def handler(message: Message) -> None:
        if message.text == "quick":
            return
        begun.append(message.text)
        await execution.clock.sleep(seconds)

    return handler


def assert_adds_up(report: ExecutionReport) -> None:
    """Each message received ended in exactly one way."""
    ends = report.processed + report.failed + report.poisoned + report.released + report.lost
    assert report.received == ends, report


async def nothing(message: Message) -> None:
    """A handler that is done at once."""
