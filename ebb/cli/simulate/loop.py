"""Runs the orchestrator's own code on a clock that is moved by hand, without a host: no replay, nothing is stored.

Only what `orchestrators/` asks of a context is here. A test runs the same scenarios on the local host with its replay,
and finds the same cycles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Protocol

from ebb.core.document import Json

Activity = Callable[[Json], Awaitable[Json]]
Orchestrator = Callable[[Any], Generator[Any, Any, Any]]


class Alarm(Protocol):
    """What is armed at a time, and can be called off."""

    def cancel(self) -> None: ...


class MovedClock(Protocol):
    """A clock that stands still until it is moved; the local host's manual clock."""

    def now(self) -> datetime: ...
    def call_at(self, moment: datetime, callback: Callable[[], None]) -> Alarm: ...
    async def sleep(self, seconds: float) -> None: ...
    def next_due(self) -> datetime | None: ...
    def advance_to(self, moment: datetime) -> None: ...


class Task:
    """What the orchestrator yields; its `result` is there once it is done."""

    def __init__(self, future: asyncio.Future[Any], alarm: Alarm | None = None) -> None:
        self.future, self._alarm = future, alarm

    @property
    def result(self) -> Any:
        """What came of it; raises what it failed with."""
        return self.future.result()

    @property
    def is_completed(self) -> bool:
        """Whether it has a result."""
        return self.future.done()

    def cancel(self) -> None:
        """Call a timer off."""
        if self._alarm is not None:
            self._alarm.cancel()
        self.future.cancel()


class Context:
    """Stands where Durable's orchestration context does, for one instance."""

    def __init__(self, instance_id: str, first: Json, activities: dict[str, Activity], clock: MovedClock) -> None:
        self.instance_id = instance_id
        self._input, self._next = first, None
        self._activities, self._clock = activities, clock
        self._numbers = 0

    @property
    def current_utc_datetime(self) -> datetime:
        """The time of the present step."""
        return self._clock.now()

    def get_input(self) -> Json:
        """What this generation began with."""
        return self._input

    def new_uuid(self) -> str:
        """A text of its own each time, the same in each run."""
        self._numbers += 1
        return f"simulated-{self._numbers}"

    def set_custom_status(self, status: object) -> None:
        """Nobody looks at it."""

    def call_activity(self, name: str, order: Json) -> Task:
        """Begin an activity."""
        return Task(asyncio.ensure_future(self._activities[name](order)))

    def call_activity_with_retry(self, name: str, options: Any, order: Json) -> Task:
        """Begin an activity that is tried again as `options` (Durable's RetryOptions) say."""

        async def tried() -> Json:
            for _ in range(options.max_number_of_attempts - 1):
                try:
                    return await self._activities[name](order)
                except Exception:  # noqa: BLE001 - whatever failed is tried again, as Durable does
                    await self._clock.sleep(options.first_retry_interval_in_milliseconds / 1000)
            return await self._activities[name](order)

        return Task(asyncio.ensure_future(tried()))

    def create_timer(self, moment: datetime) -> Task:
        """A task that is done at `moment`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        alarm = self._clock.call_at(moment, lambda: None if future.done() else future.set_result(None))
        return Task(future, alarm)

    def wait_for_external_event(self, name: str) -> Task:
        """A task that is never done: nobody nudges a simulated schedule."""
        return Task(asyncio.get_running_loop().create_future())

    def task_all(self, tasks: Sequence[Task]) -> Task:
        """Done when all are, or when the first has failed."""
        return Task(asyncio.gather(*(task.future for task in tasks)))

    def task_any(self, tasks: Sequence[Task]) -> Task:
        """Done when one is; its result is that task."""
        first: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
        for task in tasks:
            task.future.add_done_callback(
                lambda _, task=task: None if first.done() or task.future.cancelled() else first.set_result(task)
            )
        return Task(first)

    def continue_as_new(self, following: Json) -> None:
        """Begin again with `following` once this generation has returned."""
        self._next = following

    def renew(self) -> bool:
        """Begin the next generation; False where this one was the last."""
        if self._next is None:
            return False
        self._input, self._next = self._next, None
        return True


async def drive(orchestrator: Orchestrator, context: Context) -> Any:
    """Run generation after generation; returns what the last one did."""
    while True:
        steps = orchestrator(context)
        try:
            task = next(steps)
            while True:
                try:
                    result = await task.future
                except Exception as error:  # noqa: BLE001 - it is the orchestrator's to handle
                    task = steps.throw(error)
                else:
                    task = steps.send(result)
        except StopIteration as ended:
            if not context.renew():
                return ended.value


async def advance(
    clock: MovedClock, until: datetime, loop: asyncio.Task[Any], looked: Callable[[datetime], None]
) -> None:
    """Move the clock to `until`, from one alarm to the next, letting everything react in between.

    Args:
        loop: what runs; its failure ends this too.
        looked: told the time at each step.
    """
    while True:
        await _settle()
        if loop.done() and loop.exception() is not None:
            loop.result()
        due = clock.next_due()
        if due is None or due > until:
            clock.advance_to(until)
            await _settle()
            return
        clock.advance_to(due)
        looked(due)


async def _settle() -> None:
    """Return when nothing but the caller is ready to run."""
    ready = getattr(asyncio.get_running_loop(), "_ready", ())  # private: no other way to know that every task waits
    while True:
        await asyncio.sleep(0)
        if not ready:
            return
