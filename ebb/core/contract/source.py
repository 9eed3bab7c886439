"""The contract of a backlog source: the one page to read before writing one.

All methods are coroutines and safe to call concurrently, for different messages. Delivery is at least once: a message
that was received is hidden from other receivers for its lease; if nobody completes it in time, it is visible again. A
crash at any point therefore loses nothing. Every implementation passes `tests/contract/test_source.py` against its
real server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from ebb.core.clock import Clock
from ebb.core.message import Message
from ebb.core.remarks import Remarks
from ebb.core.settings.schedule_settings import ScheduleSettings

UNREADABLE = "ebb-unreadable"
"""Property of a message whose body the source could not decode: its value says why, `body` holds what was stored.

Such a message is received like any other, so that nothing is lost and nothing blocks the queue; it goes to the poison
place unhandled.
"""


@dataclass(frozen=True)
class Measurement:
    """How many messages wait now, as exactly as the source can say."""

    count: int
    approximate: bool = False  # the count may contain messages that cannot be received yet
    periodic: bool = False  # the messages come with the cycle itself: no reason to begin the next one at once
    missing: bool = False  # there is no such place yet, and the settings let a cycle make it (`Makeable`)
    partitions: int | None = None  # of a partitioned source: more executions than these have nothing to read
    oldest: datetime | None = field(default=None, compare=False)  # when the oldest that the count met was put there


@dataclass(frozen=True)
class SourceRequest:
    """All that a source may need to know when it is opened; each module of a source has a function that takes one."""

    settings: ScheduleSettings
    environment: Mapping[str, str]  # app settings
    clock: Clock
    cycle: int
    execution: int  # its number within the cycle, from 0
    share: tuple[int, int] = (
        0,
        1,
    )  # its number among the executions of this source in the cycle, and how many they are
    remarks: Remarks | None = None  # for what does not fit into the source itself; None: nothing is kept beside it


@runtime_checkable
class Makeable(Protocol):
    """What a source adds whose place may be made: only the opening of a cycle does so, looking never."""

    async def make(self) -> None:
        """Make the place; one that is there already is fine.

        Raises:
            SourceUnavailableError: it cannot be made now, or not with these credentials.
        """
        ...


@runtime_checkable
class FixesLease(Protocol):
    """What a source adds whose kind says `fixed_lease`."""

    @property
    def lease(self) -> timedelta | None:
        """How long a message is really held from its receive on; None while no message has shown it."""
        ...


class Source(Protocol):
    """A place where messages wait. What a kind can do beyond this, its `Kind` says (`ebb/sources/kind.py`)."""

    async def measure(self) -> Measurement:
        """Count the messages that wait. Takes nothing, changes nothing; one or two requests.

        Raises:
            SourceNotFoundError: the queue does not exist, and the settings do not say that a cycle makes it.
            SourceUnavailableError: it cannot be reached, or refuses this app.
        """
        ...

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """Take up to `limit` (1 to 32) visible messages for `lease` (1 s to 7 days).

        Returns:
            The messages in the order the source gave them; empty when nothing is visible. Never waits for some to come.

        Raises:
            SourceNotFoundError, SourceUnavailableError: as `measure`.
        """
        ...

    async def complete(self, message: Message) -> None:
        """Remove a message that was handled. A message that is already gone counts as done.

        Raises:
            LeaseLostError: the message is there, but another receiver holds it now.
            SourceUnavailableError: it cannot be reached, after retries; the message will come again.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. Not used afterwards; messages still held become visible by themselves."""
        ...


class LeasingSource(Source, Protocol):
    """A source whose kind says `leasing`: it holds a message for its receiver until the lease ends."""

    async def extend(self, message: Message, lease: timedelta) -> None:
        """Hold `message` for `lease` from now on; renews `message.receipt`.

        Raises:
            LeaseLostError: it is held by another receiver or gone.
        """
        ...

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Give `message` back: visible again after `delay`, its dequeue count kept.

        `delay` is 0 s to the kind's `longest_lease`, and always 0 where the kind does not say `delaying`.

        A message that is gone or held by another receiver is left as it is; that is not an error.
        """
        ...


class DeadLetteringSource(Source, Protocol):
    """A source whose kind says `dead_lettering`: it has a place for what cannot be handled."""

    async def dead_letter(self, message: Message, reason: str) -> None:
        """Move `message` to the poison place of this source, with `reason`; only then remove it from the source.

        A crash in between leaves it in both places, never in none. Doing it again for a message of the same id, after
        a crash or an answer that was lost, leaves one poisoned message for who lists, requeues or purges them.

        Raises:
            LeaseLostError: another receiver holds it now; it may be in both places.
        """
        ...


class QueueSource(LeasingSource, DeadLetteringSource, Protocol):
    """A source that can do both, as queues can."""
