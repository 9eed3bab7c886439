"""Handlers that outlive their execution: noted in the store for as long as they run, so that the next cycles know.

A thread cannot be ended from outside, and a coroutine may swallow its cancellation. The note has an end that is moved
on while they run, so that the handlers of a dead process are not waited for.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from ebb.core.clock import Clock, rfc3339
from ebb.core.contract.store import Store
from ebb.core.errors import StoreError
from ebb.core.remarks import abandoned_scope

LASTS = timedelta(seconds=90)  # a note, after the process that wrote it has died
RENEW = 30.0  # seconds

_log = logging.getLogger("ebb.execution")
_following: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks only weakly


async def note_abandoned(store: Store, schedule: str, left: Iterable[asyncio.Future[Any]], clock: Clock) -> None:
    """Note the handlers of one execution that still run, and follow them in the background until the last has ended."""
    key, running = uuid.uuid4().hex, {each for each in left if not each.done()}
    if not running:
        return
    await _write(store, schedule, key, len(running), clock)
    task = asyncio.create_task(_follow(store, schedule, key, running, clock))
    _following.add(task)
    task.add_done_callback(_following.discard)


async def _follow(store: Store, schedule: str, key: str, running: set[asyncio.Future[Any]], clock: Clock) -> None:
    while running:
        _, running = await asyncio.wait(running, timeout=RENEW)
        if running:
            await _write(store, schedule, key, len(running), clock)
    _log.info("%s: the handlers that an execution left behind have ended", schedule, extra={"schedule": schedule})
    try:
        await store.delete_remark(abandoned_scope(schedule), key)
    except StoreError as error:  # it ends by itself
        _log.warning("%s: the end of abandoned handlers was not noted: %s", schedule, error)


async def _write(store: Store, schedule: str, key: str, handlers: int, clock: Clock) -> None:
    now = clock.now()
    try:
        note = {"handlers": handlers, "until": rfc3339(now + LASTS)}
        await store.write_remark(abandoned_scope(schedule), key, now, note)
    except StoreError as error:
        _log.warning("%s: %s abandoned handlers were not noted: %s", schedule, handlers, error)
