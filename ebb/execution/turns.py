"""Who may call a handler in this process now: any number together, or one by itself.

A message that may have ended a process is handled by itself, so that a crash takes nothing along and names its cause.
One object for a process; used on one event loop, so nothing here waits or locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

Wake = Callable[[], None]

_here: WeakKeyDictionary[asyncio.AbstractEventLoop, HandlerTurns] = WeakKeyDictionary()


def turns_here() -> HandlerTurns:
    """The turns of all executions in this process: they share the running event loop."""
    return _here.setdefault(asyncio.get_running_loop(), HandlerTurns())


class HandlerTurns:
    """Counts the handlers at work; who is refused is called when it may ask again."""

    def __init__(self) -> None:
        self._together, self._alone = 0, False
        self._waiting_alone: list[Wake] = []  # in their order
        self._waiting: list[Wake] = []

    def enter(self, alone: bool, wake: Wake) -> bool:
        """Whether a handler may begin now; if it may, `leave` must follow. If not, `wake` is called when it may ask."""
        if alone:
            first = not self._waiting_alone or self._waiting_alone[0] == wake
            if first and not self._alone and not self._together:
                self._forget(self._waiting_alone, wake)
                self._alone = True
                return True
            return self._wait(self._waiting_alone, wake)
        if self._alone or self._waiting_alone:
            return self._wait(self._waiting, wake)
        self._together += 1
        return True

    def leave(self, alone: bool) -> None:
        """A handler has ended, or was abandoned; the next ones may begin."""
        if alone:
            self._alone = False
        else:
            self._together -= 1
        if self._waiting_alone or self._waiting:
            self._wake_next()

    def forget(self, wake: Wake) -> None:
        """Whoever waits with `wake` does not want a turn any more."""
        self._forget(self._waiting_alone, wake)
        self._forget(self._waiting, wake)
        self._wake_next()

    def _wake_next(self) -> None:
        if self._alone:
            return
        if self._waiting_alone:
            if not self._together:
                self._waiting_alone[0]()
            return
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    @staticmethod
    def _wait(queue: list[Wake], wake: Wake) -> bool:
        if wake not in queue:
            queue.append(wake)
        return False

    @staticmethod
    def _forget(queue: list[Wake], wake: Wake) -> None:
        if wake in queue:
            queue.remove(wake)
