"""One run of an execution at a time in a process: who is given the same order again waits for the answer to the first.

Durable runs an activity at least once. After storage was away it may deliver the same order twice within a moment, and
two runs would be more executions than `maxExecutions` allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from ebb.core.document import Json

Run = Callable[[], Coroutine[Any, Any, Json]]

_here: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[Json]]] = WeakKeyDictionary()


async def single_run(key: Hashable, run: Run) -> Json:
    """What `run` gives; where a run of `key` is under way on this event loop, what that one gives.

    Raises:
        whatever the run raises, to all who wait. One that is cancelled gives nothing, and the next begins.
    """
    running = _here.setdefault(asyncio.get_running_loop(), {})
    while (first := running.get(key)) is not None:
        await asyncio.wait({first})
        if not first.cancelled():
            return first.result()
    running[key] = asyncio.create_task(run())
    try:
        return await running[key]
    finally:
        del running[key]
