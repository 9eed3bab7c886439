"""A source under test, whatever its kind: what the contract asks of its server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ebb.core.contract.source import Measurement, QueueSource
from ebb.sources.kind import Kind


@dataclass
class Bench:
    """A source under test, and the means to put messages and look at its poison place."""

    source: QueueSource
    put: Callable[[bytes], Awaitable[object]]
    poisoned: Callable[[], Awaitable[list[tuple[bytes, str]]]]
    pass_time: Callable[[float], Awaitable[None]]
    missing: QueueSource
    another: Callable[[], QueueSource]
    kind: Kind
    many: int = 1000  # messages that its server drains within seconds
    short: float = 2.0  # seconds of a lease, or a delay, that is waited for
    exact: int = 31  # messages up to which a count is not approximate
    tells_oldest: bool = False  # counting meets the message that waits longest
    repeats: bool = False  # its server may give one message to two receives at once
    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # the time by its server's clock
    shares: Callable[[int], list[QueueSource]] | None = None  # sources of executions beside each other, by their number

    async def after(self, seconds: float) -> QueueSource:
        """The source that gives a message again, once nobody holds it any more.

        A partition has no leases: another reader takes it.
        """
        await self.pass_time(seconds)
        return self.another() if self.kind.partitioned else self.source

    def beside(self, executions: int) -> list[QueueSource]:
        """Sources of executions beside each other."""
        if self.shares is not None:
            return self.shares(executions)
        return [self.source, *(self.another() for _ in range(executions - 1))]

    async def count(self) -> Measurement:
        """What is counted, once positions that follow a moment later are written; partitions left out."""
        if self.kind.partitioned:
            await self.pass_time(0.5)
        return replace(await self.source.measure(), partitions=None)
