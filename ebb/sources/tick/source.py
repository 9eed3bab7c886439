"""One message each cycle: the plain periodic job, without a queue.

The rule is stateless, so that a restart changes nothing: the first execution (index 0) of a cycle receives one
message, once; every other one receives none. The message's id names the cycle, so that a cycle's execution that is run
again after a crash gives the same message again, not a new one. There is nothing to give back to: a message that
failed is not kept, the next cycle brings the next one.
"""

from __future__ import annotations

from datetime import timedelta

from ebb.core.clock import Clock
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.message import Message


class TickSource:
    """A `Source` that gives the message of one cycle to one execution."""

    def __init__(self, cycle: int, execution: int, clock: Clock) -> None:
        self._cycle, self._clock = cycle, clock
        self._waiting = execution == 0

    async def measure(self) -> Measurement:
        """Always one: that of the cycle that is being opened."""
        return Measurement(1, periodic=True)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        if not self._waiting:
            return []
        self._waiting = False
        return [Message(id=f"tick-{self._cycle}", body=b"", enqueued_at=self._clock.now())]

    async def complete(self, message: Message) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Nothing is held."""


def open_tick(request: SourceRequest) -> TickSource:
    """The source for one execution of one cycle."""
    return TickSource(request.cycle, request.execution, request.clock)
