"""Runs activities, no more at once than `maxConcurrentActivityFunctions`, and hands their results to the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from devhost.arguments import Bindings
from devhost.converters import Datum, encode
from devhost.dotnet_errors import activity_details
from devhost.errors import FunctionError
from devhost.events import EventType, activity_failed, event
from devhost.indexing import Functions
from devhost.instance import Event, Instance, OpenWork
from devhost.texts import compact

Deliver = Callable[[str, Event, str], None]
IsLive = Callable[[Instance, str], bool]


class ActivityWorker:
    """The activities of one host.

    An activity may run more than once (its result is lost if the process dies before the commit), never less.
    """

    def __init__(self, functions: Functions, bindings: Bindings, limit: int, deliver: Deliver, is_live: IsLive) -> None:
        self._functions, self._bindings, self._limit = functions, bindings, limit
        self._deliver, self._is_live = deliver, is_live
        self._waiting: deque[tuple[Instance, str, OpenWork]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self.is_stopping = False

    def begin(self, instance: Instance, work: OpenWork) -> None:
        """Run the activity as soon as there is room for it."""
        self._waiting.append((instance, instance.execution_id, work))
        self._fill()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be started."""
        return not self._waiting

    async def stop(self, grace_seconds: float) -> int:
        """Start nothing more, give running activities the grace period, cancel the rest; returns how many."""
        self.is_stopping = True
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        rest = [task for task in self._running if not task.done()]
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=1)
        return len(rest)

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self._limit and not self.is_stopping:
            instance, execution_id, work = self._waiting.popleft()
            if not self._is_live(instance, execution_id):
                continue
            task = asyncio.get_running_loop().create_task(self._run(instance, execution_id, work))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "an activity's result could not be stored", "exception": task.exception(), "task": task}
            )
        self._fill()

    async def _run(self, instance: Instance, execution_id: str, work: OpenWork) -> None:
        function = self._functions.durable("activityTrigger", work.name)
        try:
            if function is None:
                raise FunctionError(self._functions.missing("activityTrigger", work.name))
            text = work.body.get("input")
            datum = Datum("null" if text is None else text, "string")
            result = await self._bindings.call(function, datum, _encode)
        except FunctionError as failure:
            end = activity_failed(work, failure.reason, activity_details(failure.reason, failure.details))
        else:
            end = event(EventType.TaskCompleted, TaskScheduledId=work.number, Result=result)
        self._deliver(instance.instance_id, end, execution_id)


def _encode(result: Any) -> str:
    return compact(encode("activityTrigger", result).value)
