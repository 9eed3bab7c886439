"""Time as a parameter, so that decisions and tests never look at the wall clock by themselves."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time. The local host's manual clock has the same two methods."""

    def now(self) -> datetime:
        """The current time, timezone-aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock's time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        import asyncio  # late: a command that only reads times has no use for it

        await asyncio.sleep(seconds)


class SteadyClock:
    """The machine's clock as it was when this was made, and the time that has passed since: no step changes it.

    For what lasts minutes: leases and limits of one execution. The machine's clock may be set meanwhile.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._ahead + time.monotonic(), UTC)

    async def sleep(self, seconds: float) -> None:
        import asyncio  # late: a command that only reads times has no use for it

        await asyncio.sleep(seconds)


def steady(clock: Clock) -> Clock:
    """`clock` for one execution: a steady one in place of the machine's, which may be set back or forward."""
    return SteadyClock() if isinstance(clock, SystemClock) else clock


def rfc3339(moment: datetime) -> str:
    """`moment` as text for JSON: UTC, milliseconds, `Z` (RFC 3339)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """The aware UTC time that `text` says.

    Raises:
        ValueError: not a time, or one without an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC; write it as 2026-01-31T12:00:00Z")
    return moment.astimezone(UTC)
