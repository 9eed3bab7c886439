"""The line of an execution whose schedule has `perKey`: messages begin in the order and within the limits of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ebb.core.clock import Clock
from ebb.core.key_line import KeyLine
from ebb.core.keys import key_of
from ebb.core.settings.per_key import PerKeySettings
from ebb.execution.holding import Held

LONGEST_SLEEP = 60.0  # seconds; a rate may be as low as some a day


class KeyedLine:
    """A `Line` (`ready.py`) by keys. `keep` begins what had to wait for its rate."""

    def __init__(self, per_key: PerKeySettings, clock: Clock, *, claimed: bool) -> None:
        """`claimed`: nothing of a key begins before it is opened, as `parking.py` does."""
        self._name, self._clock, self._claimed = per_key.key, clock, claimed
        self.keys = KeyLine[Held](per_key.concurrency, per_key.rate, per_key.weights, claimed=claimed)
        self._has_to_wait = asyncio.Event()

    def __len__(self) -> int:
        return len(self.keys)

    def tell(self, held: Held) -> str | None:
        """The key of a message; the message is told."""
        message = held.message
        if self._name is not None:
            message.key = key_of(message, self._name)
        return message.key

    def add(self, held: Held, first: bool = False) -> None:
        key = self.tell(held)
        self.keys.add(key, held, first)
        if self._claimed and key is not None and held.message.dequeue_count > 1 and held.parked is None:
            self.keys.close(key)  # until it is known which of its receives were tries

    def first(self) -> Held | None:
        held = self.keys.next(self._clock.now())
        if held is None and self.keys.due is not None:
            self._has_to_wait.set()
        return held

    def begin(self) -> None:
        self.keys.begin(self._clock.now())

    def done(self, held: Held) -> None:
        """A message that had begun has ended: the next one of its key may begin."""
        self.keys.done(held.message.key, self._clock.now())

    def take_all(self) -> list[Held]:
        return self.keys.take_all()

    async def keep(self, begin: Callable[[], None]) -> None:
        """Call `begin` each time that the rate of a key lets its next message begin, until cancelled."""
        while True:
            self._has_to_wait.clear()
            due = self.keys.due
            if due is None:
                await self._has_to_wait.wait()
                continue
            wait = min(max((due - self._clock.now()).total_seconds(), 0.001), LONGEST_SLEEP)
            await self._clock.sleep(wait)
            begin()
