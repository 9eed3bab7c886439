"""Calling a handler: async functions on the event loop, plain ones on daemon threads of their own.

Daemon threads, because a handler that hangs must keep neither the execution nor the process alive; the threads of
`concurrent.futures` are waited for at exit.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
from collections import deque
from queue import SimpleQueue

from ebb.core.contract.handler import Handler
from ebb.core.log_context import log_fields
from ebb.core.message import Message
from ebb.execution.blocking import Stepwise

_log = logging.getLogger("ebb.execution")

_Outcome = tuple[object, BaseException | None]
_Job = tuple[contextvars.Context, Message, "asyncio.Future[_Outcome]"]


class HandlerCalls:
    """Calls `handler`, as often at once as it is asked to."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._is_async = inspect.iscoroutinefunction(handler)
        self._idle: deque[_HandlerThread] = deque()
        self._has_blocked = False
        self.left_behind: list[asyncio.Future[None]] = []  # each ends with a thread that was abandoned at work

    async def __call__(self, message: Message) -> object:
        """What the handler returns for one message; raises what it raises. Cancelling abandons a thread at work."""
        result = self._handler(message) if self._is_async else await self._on_thread(message)
        if inspect.isawaitable(result):
            return await Stepwise(result, self._blocked)
        return result

    def close(self) -> None:
        """End the threads that have nothing to do; the others end with their handler."""
        while self._idle:
            self._idle.pop().jobs.put(None)

    def _blocked(self, seconds: float) -> None:
        if self._has_blocked:
            return
        self._has_blocked = True
        _log.warning(
            "the handler %s is async and blocked the event loop for %.1f s: leases and other messages wait meanwhile. "
            "Await what it waits for, or write it as a plain def, which gets a thread of its own",
            getattr(self._handler, "__qualname__", self._handler),
            seconds,
            extra=dict(log_fields()),
        )

    async def _on_thread(self, message: Message) -> object:
        thread = self._idle.pop() if self._idle else _HandlerThread(self._handler)
        done: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        thread.jobs.put((contextvars.copy_context(), message, done))
        try:
            result, error = await done
        except asyncio.CancelledError:
            thread.jobs.put(None)  # should the handler ever return, its thread ends
            if done.cancelled():
                self.left_behind.append(thread.abandon())
            raise
        self._idle.append(thread)
        if error is not None:
            raise error
        return result


class _HandlerThread(threading.Thread):
    """Handles the messages that it is given, one after the other, until it is given None."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(name="ebb-handler", daemon=True)
        self._handler = handler
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._ended: asyncio.Future[None] | None = None
        self.start()

    def abandon(self) -> asyncio.Future[None]:
        """Nobody waits for the present job any more; the result is done when it has ended after all."""
        self._ended = asyncio.get_running_loop().create_future()
        return self._ended

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            context, message, done = job
            outcome: _Outcome
            try:
                outcome = context.run(self._handler, message), None
            except BaseException as error:  # noqa: BLE001 - given to who waits; SystemExit must not end the thread
                outcome = None, error
            try:
                done.get_loop().call_soon_threadsafe(self._resolve, done, outcome)
            except RuntimeError:  # the event loop is closed: nobody waits any more
                return

    def _resolve(self, done: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
        if not done.done():
            done.set_result(outcome)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)
