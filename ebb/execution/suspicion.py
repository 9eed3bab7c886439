"""Which messages may have ended a process: after a crash they are handled one by one, each by itself.

A queue tells how often a message was received, not what became of it then. But an execution notes that it is at work
and says its last word in that note when it ends; a note without one tells of a crash. While there is such a note, a
message that was received before is suspected: it is handled with nothing beside it in this process, and noted first. If
the process dies again, the note names the culprit; who merely lay beside it is never taken for it, however often that
happened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ebb.core.clock import Clock
from ebb.core.errors import StoreError
from ebb.core.notes import alone_scope
from ebb.core.row.execution_note import ExecutionNote
from ebb.store.base import Store

AFTER_CRASH = timedelta(minutes=10)  # beyond the leases of a dead execution: time for what it held to come again

_log = logging.getLogger("ebb.execution")


class Suspicion(Protocol):
    """What an execution asks about messages that were received before."""

    async def crashed(self) -> bool:
        """Whether an execution of this schedule ended lately without a word."""
        ...

    async def begin(self, message_id: str) -> int:
        """Note that the message is handled by itself now; returns how often it was before, without ever ending."""
        ...

    async def end(self, message_id: str) -> None:
        """It has ended and the process lives: it was not the one."""
        ...

    async def tries(self, message_id: str) -> int:
        """How often the message was begun by itself and never ended."""
        ...


class NoSuspicion:
    """For who has no store: nothing is suspected, and too many tries are told by their number alone."""

    async def crashed(self) -> bool:
        return False

    async def begin(self, message_id: str) -> int:
        return 0

    async def end(self, message_id: str) -> None:
        """Nothing was noted."""

    async def tries(self, message_id: str) -> int:
        return 1


class StoredSuspicion:
    """The suspicion of one execution of `schedule`. Asks the store at the first message that was received before."""

    def __init__(self, store: Store, schedule: str, me: ExecutionNote, lease: timedelta, clock: Clock) -> None:
        self._store, self._schedule, self._me, self._clock = store, schedule, me, clock
        self._lasts = lease + AFTER_CRASH
        self._crashed: bool | None = None

    async def crashed(self) -> bool:
        if self._crashed is None:
            try:
                noted = await self._store.executions(self._schedule)
            except StoreError as error:
                _log.warning("%s: not known whether an execution crashed: %s", self._schedule, error)
                return False
            self._crashed = has_crashed(noted, self._me, self._lasts, self._clock.now())
        return self._crashed

    async def begin(self, message_id: str) -> int:
        before = await self.tries(message_id)
        note = {"tries": before + 1}
        await self._store.write_note(alone_scope(self._schedule), message_id, self._clock.now(), note)
        return before

    async def end(self, message_id: str) -> None:
        try:
            await self._store.delete_note(alone_scope(self._schedule), message_id)
        except StoreError as error:  # it counts as one more try, should this message ever come again
            _log.warning("%s: message %s stays noted: %s", self._schedule, message_id, error)

    async def tries(self, message_id: str) -> int:
        noted = await self._store.notes(alone_scope(self._schedule))
        return int(noted.get(message_id, {}).get("tries", 0))


def has_crashed(noted: Sequence[ExecutionNote], me: ExecutionNote, lasts: timedelta, now: datetime) -> bool:
    """Whether one of the executions noted ended without a word, so lately that what it held may still come again.

    That is known of an earlier run of this very execution, of those of earlier cycles of the same owner (a cycle ends
    after its last execution), and of those whose time is over.
    """
    return any(
        each.run != me.run
        and not each.has_ended
        and now < each.until + lasts
        and (_is_over(each, me) or each.until <= now)
        for each in noted
    )


def _is_over(each: ExecutionNote, me: ExecutionNote) -> bool:
    if each.owner != me.owner:
        return False
    return each.cycle < me.cycle or (each.cycle, each.index) == (me.cycle, me.index)
