"""What one execution did: counts, errors, what is parked and what is in hand, filled in as the work goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Ended = Literal["empty", "slice", "stopped", "timedOut", "failed"]


@dataclass
class ExecutionReport:
    """What one execution did. Each message received is counted once more, by how it ended."""

    received: int = 0
    processed: int = 0  # handled, and removed from the source
    failed: int = 0  # the handler raised; it will be tried again
    poisoned: int = 0  # moved to the poison place
    released: int = 0  # given back before its handler had begun
    lost: int = 0  # not settled: its lease was lost, it hung, or the source was away; it will come again
    parked: int = 0  # given back for its key's sake; not among those received
    ended: Ended = "empty"
    reason: str | None = None  # in words, if it was stopped
    error: str | None = None  # the source's error if it failed, otherwise the first one of a handler
    left_behind: tuple[asyncio.Future[Any], ...] = ()  # handlers that still run; each is done when one has ended
    handled: int = 0  # calls of handlers that have ended
    service_seconds: float = 0.0  # time spent in handlers, all together
    oldest_message_age: float | None = None  # seconds, when it was received
    errors: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])  # by type: how many, and an example
    away: list[tuple[datetime, datetime | None]] = field(default_factory=list[Any])  # parked until when; since when
    next_try: datetime | None = None  # when the first of the messages that failed or were parked comes again
    progress: str | None = None  # what a handler last said of itself
    in_hand: dict[int, datetime] = field(default_factory=dict[int, datetime])  # since when each handler at work is

    def count_error(self, kind: str, text: str) -> None:
        """Count an error of `kind`; the first one is the example, and the execution's error."""
        self.error = self.error or text
        self.errors.setdefault(kind, [0, text])[0] += 1

    def tried_again(self, moment: datetime) -> None:
        """A message that failed comes again at `moment`."""
        self.next_try = min(self.next_try or moment, moment)

    def parked_until(self, moment: datetime, since: datetime | None) -> None:
        """A message was parked, first at `since`, and comes again at `moment`."""
        self.parked += 1
        self.away.append((moment, since))
        self.tried_again(moment)

    def parked_now(self, now: datetime) -> tuple[int, datetime | None]:
        """How many of the messages parked here have not come again, and since when the first of them waits."""
        self.away = [each for each in self.away if each[0] > now]
        return len(self.away), min((since for _, since in self.away if since is not None), default=None)
