"""The handlers at work in one execution: each has a time limit, and those that outlive it are left behind.

At `handlerTimeout` a coroutine is cancelled and a thread no longer waited for; the message counts as failed. A
coroutine that swallows its cancellation is given up ABANDON_AFTER seconds later: its message is settled without it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from ebb.core.clock import Clock
from ebb.execution.holding import NEVER, Held
from ebb.execution.one_message import OneMessage
from ebb.execution.turns import HandlerTurns

ABANDON_AFTER = 5.0  # seconds that a cancelled coroutine has to clean up


class InFlight:
    """Begins the handling of messages and watches over it.

    `ended` is called with the message, and with what its task raised; None in place of one that was given up before.
    """

    def __init__(
        self,
        one: OneMessage,
        turns: HandlerTurns,
        limit: float,
        clock: Clock,
        ended: Callable[[Held | None, BaseException | None], None],
    ) -> None:
        self._one, self._turns, self._clock, self._ended = one, turns, clock, ended
        self._limit = timedelta(seconds=limit)
        self._context = contextvars.copy_context()
        self._running: dict[asyncio.Task[None], Held] = {}
        self._settling: set[asyncio.Task[None]] = set()  # messages of handlers that were given up
        self._given_up: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        return len(self._running) + len(self._settling)

    def begin(self, held: Held) -> None:
        """Handle `held`, whose turn has come, in its own execution's context: another's may have woken this one."""
        task = asyncio.create_task(self._one.process(held), context=self._context.copy())
        self._running[task] = held
        task.add_done_callback(self._finished)

    def interrupt(self) -> set[asyncio.Task[None]]:
        """Cancel the handlers at work; returns their tasks."""
        tasks = {task for task, held in self._running.items() if not held.settling}
        for task in tasks:
            task.cancel()
        return tasks

    def settling(self) -> set[asyncio.Task[None]]:
        """The tasks of messages whose handlers have ended, or were given up: a request of theirs may have acted."""
        return {*self._settling, *(task for task, held in self._running.items() if held.settling)}

    def cancel(self) -> None:
        """Cancel all that is left."""
        for task in (*self._running, *self._settling):
            task.cancel()

    def left_behind(self) -> list[asyncio.Future[Any]]:
        """The coroutines of handlers that still run although nobody waits for them any more."""
        return [task for task in (*self._given_up, *self._running) if not task.done()]

    async def limit(self) -> None:
        """End handlers whose time is over, until cancelled."""
        while True:
            now = self._clock.now()
            next_due = min((held.deadline for held in self._running.values()), default=NEVER)
            due = min(next_due, now + self._limit)  # who begins meanwhile is not due before that
            await self._clock.sleep(max((due - now).total_seconds(), 0.001))
            now = self._clock.now()
            for task, held in list(self._running.items()):
                if held.deadline <= now:
                    self._end(task, held)

    def _end(self, task: asyncio.Task[None], held: Held) -> None:
        if not held.overdue:
            held.overdue, held.deadline = True, self._clock.now() + timedelta(seconds=ABANDON_AFTER)
            task.cancel()
            return
        held.abandoned, held.deadline = True, NEVER
        del self._running[task]
        self._given_up.append(task)
        self._turns.leave(held.alone)
        self._settle(self._one.give_up(held))

    def _settle(self, settling: Awaitable[None]) -> None:
        task = asyncio.ensure_future(settling)
        self._settling.add(task)
        task.add_done_callback(self._settled)

    def _finished(self, task: asyncio.Task[None]) -> None:
        held = self._running.pop(task, None)
        if held is not None:  # else it was given up before, and its turn with it
            self._turns.leave(held.alone)
            self._ended(held, _fault_of(task))
        elif not task.cancelled():
            task.exception()  # nobody else looks at it

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._settling.discard(task)
        self._ended(None, _fault_of(task))


def _fault_of(task: asyncio.Task[None]) -> BaseException | None:
    return None if task.cancelled() else task.exception()
