"""The one lane on which state changes: what happens together is committed together, and effects follow the commit."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from devhost.errors import BadRequestError, OperationError
from devhost.failures import reason_of
from devhost.store import Store

log = logging.getLogger("devhost.lane")

SLICE_SECONDS = 0.05
"""Longest stretch of episodes before a commit, so that other work on the event loop gets its turn."""


class Task(Protocol):
    """Something that is run on the lane once, such as an instance with messages."""

    is_queued: bool


class Lane:
    """Runs queued tasks one after the other on the event loop and commits after each batch.

    `run` handles one task, `write` stores one changed task within the transaction. Whatever becomes ready in one turn
    of the event loop is handled before the commit: many completions cost one transaction.
    """

    def __init__(self, store: Store, on_broken: Callable[[BaseException], None]) -> None:
        self._store = store
        self._on_broken = on_broken
        self._ready: deque[tuple[Task, Callable[[], None]]] = deque()
        self._dirty: dict[int, Callable[[], None]] = {}
        self._after: list[Callable[[], None]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._is_scheduled = False
        self.is_stopped = False

    def queue(self, task: Task, run: Callable[[], None]) -> None:
        """Have `run` called on the lane; a task that is queued already is not queued twice."""
        if not task.is_queued:
            task.is_queued = True
            self._ready.append((task, run))
        self._schedule()

    def write_later(self, owner: object, write: Callable[[], None]) -> None:
        """Have `write` called within the next transaction, once for each owner."""
        self._dirty[id(owner)] = write
        self._schedule()

    def after_commit(self, effect: Callable[[], None]) -> None:
        """Call `effect` once what was done so far is committed."""
        self._after.append(effect)
        self._schedule()

    async def committed(self) -> None:
        """Wait until what was done so far is committed.

        Raises:
            OperationError: 503, the host is stopping, or its state could not be written.
        """
        if not (self._ready or self._dirty or self._after):
            return
        if self.is_stopped:
            raise _stopped("the host is stopping")
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._schedule()
        await waiter

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for its turn."""
        return not (self._ready or self._dirty or self._after or self._waiters)

    def stop(self) -> None:
        """Commit what is done and take no more work; what is queued stays in the state file for the next start."""
        if not self.is_stopped:
            self._commit()
            self.is_stopped = True

    def _schedule(self) -> None:
        if not self._is_scheduled and not self.is_stopped:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._is_scheduled = False
        if self.is_stopped:
            return
        try:
            until = monotonic() + SLICE_SECONDS
            while self._ready and monotonic() < until:
                task, run = self._ready.popleft()
                task.is_queued = False
                run()
            self._commit()
        except BaseException as error:  # noqa: BLE001  (memory may be ahead of the file now: only a restart is safe)
            self.is_stopped = True
            self._on_broken(error)
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_exception(_stopped(cause_of(error)))
            return
        if self._ready:
            self._schedule()

    def _commit(self) -> None:
        dirty, self._dirty = self._dirty, {}
        if dirty:
            with self._store.transaction():
                for write in dirty.values():
                    write()
        after, self._after = self._after, []
        for effect in after:
            effect()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


def cause_of(error: BaseException) -> str:
    """Say why a lane broke: the store, or a fault of the host itself."""
    if isinstance(error, sqlite3.Error | OSError):
        return f"the state could not be written: {error} (is the disk full?)"
    return f"the host has a fault: {reason_of(error)}"


def _stopped(reason: str) -> OperationError:
    return BadRequestError(503, f"Not stored: {reason}. Start the host again.")
