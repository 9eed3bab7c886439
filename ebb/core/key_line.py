"""Which of the messages in hand begins next, where keys have limits. Pure: who asks says what time it is.

*Order.* Messages of one key begin in the order in which they were added.

*Limits.* Of one key at most `concurrency` are at work, and two begin at least `1 / rate` seconds apart.

*Fairness.* Start-time fair queueing (Goyal, Vin, Cheng 1996): each beginning of a key moves its tag on by `1 / weight`,
and the key with the lowest tag is next. A key that is new begins where the others stand. So it waits for at most one
message of each other key, however many of them are in hand; and whoever has messages gets a share by weight: between
two beginnings of a key another one begins at most `other weight / own weight + 1` times.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Generic, TypeVar

SWEEP = 1000  # keys; of so many something is kept, in hand or not

T = TypeVar("T")


@dataclass(slots=True)
class _Key(Generic[T]):
    """The messages of one key."""

    name: str | None
    is_open: bool
    items: deque[T] = field(default_factory=deque[T])
    running: int = 0
    tag: float = 0.0
    due: datetime | None = None  # no earlier, by its rate
    until: datetime | None = None  # nothing begins from then on
    is_placed: bool = False  # it stands in one of the two heaps


class KeyLine(Generic[T]):
    """Messages in hand, by key. Those without a key (None) have no limits, and share one place in the line."""

    def __init__(
        self,
        concurrency: int = 1,
        rate: float | None = None,
        weights: Mapping[str, float] | None = None,
        *,
        claimed: bool = False,
    ) -> None:
        """`claimed`: nothing of a key begins before `open`."""
        self._concurrency, self._weights, self._open = concurrency, weights or {}, not claimed
        self._step = timedelta(seconds=1 / rate) if rate else None
        self._keys: dict[str | None, _Key[T]] = {}
        self._now: list[tuple[float, int, _Key[T]]] = []  # a heap: those that may begin, by their tags
        self._later: list[tuple[datetime, int, _Key[T]]] = []  # a heap: those that wait for their rate
        self._tag, self._highest = 0.0, 0.0  # of what began last, and of all
        self._sweep_at = SWEEP
        self._numbers = count()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, key: str | None, item: T, first: bool = False) -> None:
        """Put a message of `key` into the line; `first`: before the others of its key."""
        entry = self._keys.get(key)
        if entry is None:
            entry = self._keys[key] = _Key(key, self._open or key is None)
        (entry.items.appendleft if first else entry.items.append)(item)
        self._length += 1
        self._place(entry)

    def next(self, now: datetime) -> T | None:
        """The message that begins next; None where none may now."""
        while self._later and self._later[0][0] <= now:
            entry = heapq.heappop(self._later)[2]
            entry.is_placed = False
            self._place(entry, now)
        while self._now:
            entry = self._now[0][2]
            if self._may_begin(entry) and (entry.due is None or entry.due <= now):
                if entry.until is None or now < entry.until:
                    return entry.items[0]
                entry.is_open = False
            heapq.heappop(self._now)
            entry.is_placed = False
            self._place(entry, now)
        return None

    def begin(self, now: datetime) -> None:
        """What `next` has given begins; `done` must follow."""
        tag, _, entry = heapq.heappop(self._now)
        entry.is_placed = False
        entry.items.popleft()
        self._length -= 1
        self._tag, entry.tag = tag, tag + 1 / self._weights.get(entry.name or "", 1.0)
        self._highest = max(self._highest, entry.tag)
        entry.running += 1
        if self._step is not None and entry.name is not None:
            entry.due = now + self._step
        self._place(entry, now)
        if len(self._keys) > self._sweep_at and (not self._length or len(self._keys) > 4 * self._sweep_at):
            self._sweep(now)

    def done(self, key: str | None, now: datetime) -> None:
        """A message of `key` that had begun has ended."""
        entry = self._keys[key]
        entry.running -= 1
        self._place(entry, now)

    def open(self, key: str, until: datetime, due: datetime | None = None) -> None:
        """Let messages of `key` begin, from `due` on and not from `until` on."""
        entry = self._keys.setdefault(key, _Key(key, False))
        entry.is_open, entry.until = True, until
        if due is not None and (entry.due is None or entry.due < due):
            entry.due = due
        self._place(entry)

    def extend(self, key: str, until: datetime) -> None:
        """Let messages of `key`, if it is open, begin for longer."""
        if key in self._keys:
            self._keys[key].until = until

    def close(self, key: str) -> None:
        """Let no message of `key` begin until it is opened again."""
        if key in self._keys:
            self._keys[key].is_open = False

    @property
    def closed(self) -> list[str]:
        """Keys with messages that wait for `open`."""
        return [name for name, each in self._keys.items() if name is not None and each.items and not each.is_open]

    @property
    def due(self) -> datetime | None:
        """When the first of the keys that wait for their rate may begin."""
        return self._later[0][0] if self._later else None

    def due_of(self, key: str) -> datetime | None:
        """When the rate lets the next message of `key` begin; None: at once."""
        entry = self._keys.get(key)
        return entry.due if entry else None

    def is_idle(self, key: str) -> bool:
        """Whether nothing of `key` is in hand."""
        entry = self._keys.get(key)
        return entry is None or not (entry.items or entry.running)

    @property
    def known(self) -> int:
        """Of how many keys something is kept."""
        return len(self._keys)

    def waiting(self, key: str | None) -> Iterator[T]:
        """The messages of `key` that have not begun, in their order."""
        entry = self._keys.get(key)
        return iter(entry.items if entry else ())

    def cut(self, key: str, keep: int) -> list[T]:
        """Take out the messages of `key` beyond the first `keep`."""
        entry = self._keys.get(key)
        if entry is None or len(entry.items) <= keep:
            return []
        taken = [entry.items.pop() for _ in range(len(entry.items) - keep)]
        self._length -= len(taken)
        return taken[::-1]

    def take_all(self) -> list[T]:
        """Take out all that has not begun, each key in its order."""
        taken = [item for entry in self._keys.values() for item in entry.items]
        for entry in self._keys.values():
            entry.items.clear()
        self._length = 0
        return taken

    def forget(self, key: str) -> None:
        """Nothing of `key` is in hand: keep nothing about it either."""
        if self.is_idle(key):
            self._keys.pop(key, None)

    def _sweep(self, now: datetime) -> None:
        """Forget keys that have nothing in hand: where nobody waits, for all stand where the last one does then.

        Where some always wait, too, for memory has an end: such a key may come back one message before its turn.
        """
        if not self._length:
            self._tag = self._highest
        if self._open:  # else whoever opened them forgets them
            idle = [each for each in self._keys.values() if not (each.running or each.items)]
            for entry in idle:
                if entry.due is None or entry.due <= now:
                    del self._keys[entry.name]
        self._sweep_at = max(SWEEP, 2 * len(self._keys))

    def _may_begin(self, entry: _Key[T]) -> bool:
        limit = self._concurrency if entry.name is not None else math.inf
        return bool(entry.items) and entry.is_open and entry.running < limit

    def _place(self, entry: _Key[T], now: datetime | None = None) -> None:
        """Give a key that may begin its place; one that must wait for its rate, where `now` or `due` says so, later."""
        if entry.is_placed or not self._may_begin(entry):
            return
        entry.is_placed = True
        if entry.due is not None and (now is None or entry.due > now):
            heapq.heappush(self._later, (entry.due, next(self._numbers), entry))
        else:
            entry.tag = max(entry.tag, self._tag)
            heapq.heappush(self._now, (entry.tag, next(self._numbers), entry))
