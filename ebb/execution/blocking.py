"""Notices an `async` handler that blocks: while one step of it runs, no other message, lease or look goes on.

Each step of the handler, from one `await` to the next, is timed by itself, so that the right handler is named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from time import perf_counter
from typing import Any

TOO_LONG = 1.0  # seconds of one step; a lease is renewed every few


class Stepwise:
    """An awaitable as it is, with its longest step told if that was too long."""

    def __init__(self, inner: Awaitable[object], told: Callable[[float], None]) -> None:
        """`told` gets the seconds of the longest step."""
        self._inner, self._told = inner, told

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._inner.__await__()
        send, throw = getattr(steps, "send", None), getattr(steps, "throw", None)
        if send is None or throw is None:  # an iterator that takes nothing: its steps are not the handler's
            return (yield from steps)
        longest, value, error = 0.0, None, None
        try:
            while True:
                began = perf_counter()
                try:
                    yielded = send(value) if error is None else throw(error)
                except StopIteration as ended:
                    return ended.value
                finally:
                    longest = max(longest, perf_counter() - began)
                try:
                    value, error = (yield yielded), None
                except BaseException as thrown:  # noqa: BLE001 - handed on: a cancellation is the handler's to see
                    value, error = None, thrown
        finally:
            if longest > TOO_LONG:
                self._told(longest)
