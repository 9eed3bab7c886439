"""Which messages may have ended a process: after a crash they are handled one by one, each by itself.

A queue tells how often a message was received, not what became of it then. But an execution notes that it is at work
and writes its last word when it ends; a note without one tells of a crash, and who forgets such a note leaves a remark.
For some time after that, a message that was received before is suspected: it is handled with nothing beside it in this
process, and remarked first. If the process dies again, the remark names the culprit; who merely lay beside it is never
taken for it, however often that happened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ebb.core.clock import Clock
from ebb.core.contract.store import Store
from ebb.core.errors import SourceUnavailableError, StoreError
from ebb.core.remarks import alone_scope, crashed_before
from ebb.core.row.execution_note import ExecutionNote

AFTER_CRASH = timedelta(minutes=10)  # beyond the leases of a dead execution: time for what it held to come again

_log = logging.getLogger("ebb.execution")


class Suspicion(Protocol):
    """What an execution asks about messages that were received before."""

    async def crashed(self) -> bool:
        """Whether an execution of this schedule ended lately without a word."""
        ...

    async def begin(self, message_id: str) -> int:
        """Note that the message is handled by itself now; returns how often it was before, without ever ending.

        Raises:
            SourceUnavailableError: it cannot be noted; it must not begin.
        """
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
            now = self._clock.now()
            self._crashed = has_crashed(noted, self._me, self._lasts, now) or await crashed_before(
                self._store, self._schedule, now - self._lasts
            )
        return self._crashed

    async def begin(self, message_id: str) -> int:
        before = await self.tries(message_id)
        note = {"tries": before + 1}
        try:
            await self._store.write_remark(alone_scope(self._schedule), message_id, self._clock.now(), note)
        except StoreError as error:
            raise self._unknown(message_id, error) from error
        return before

    async def end(self, message_id: str) -> None:
        try:
            await self._store.delete_remark(alone_scope(self._schedule), message_id)
        except StoreError as error:  # it counts as one more try, should this message ever come again
            _log.warning("%s: message %s stays noted: %s", self._schedule, message_id, error)

    async def tries(self, message_id: str) -> int:
        try:
            noted = await self._store.remarks(alone_scope(self._schedule))
        except StoreError as error:
            raise self._unknown(message_id, error) from error
        return int(noted.get(message_id, {}).get("tries", 0))

    def _unknown(self, message_id: str, error: StoreError) -> SourceUnavailableError:
        """Nothing of a suspected message begins while nobody can note it; it comes again."""
        return SourceUnavailableError(
            f"message {message_id} may have ended a process, and that cannot be noted: {error}"
        )


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
