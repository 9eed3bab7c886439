"""How far one partition is: what is done, what is in hand, and how often each message was tried. Pure.

Kafka keeps one offset for a group and a partition: all before it is done. What is beyond it, done or tried, goes into
the text that Kafka keeps with an offset, so that a later reader repeats nothing and knows the tries:

    ebb1 0+32=1 32+4=0 36+1=3@1700000000

from the committed offset on, 32 messages were given out once, 4 are done, and one had three tries and waits until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

VERSION = "ebb1"
DONE = 0
LONGEST_TEXT = 4000  # characters; Kafka keeps 4096 bytes (offset.metadata.max.bytes)
WINDOW = 2000  # offsets that a reader goes beyond the first one that is not done


@dataclass(frozen=True)
class Mark:
    """What is known of one offset."""

    tries: int  # 0: done
    until: int = 0  # UNIX time before which it is not tried again


@dataclass
class Positions:
    """One partition. `committed` is the offset that was committed, `following` the one after the last that was seen."""

    committed: int
    following: int = 0
    marks: dict[int, Mark] = field(default_factory=dict[int, Mark])  # of offsets from `committed` on
    passed: set[int] = field(default_factory=set[int])  # offsets that were seen, and wait behind others of their key

    @classmethod
    def read(cls, offset: int, text: str | None) -> Positions:
        """What was committed. A text of another program, or of a later version, says nothing."""
        positions = cls(offset, offset)
        version, *runs = (text or "").split(" ")
        if version != VERSION:
            return positions
        try:
            for run in runs:
                span, _, state = run.partition("=")
                start, _, length = span.partition("+")
                tries, _, until = state.partition("@")
                for number in range(int(start), int(start) + int(length)):
                    positions.marks[offset + number] = Mark(int(tries), int(until or 0))
        except ValueError:
            positions.marks.clear()
        return positions

    def is_done(self, offset: int) -> bool:
        """Whether this offset need not be handled any more."""
        mark = self.marks.get(offset)
        return offset < self.committed or (mark is not None and mark.tries == DONE)

    def begin(self, offset: int) -> int:
        """A message is given out; which try it is."""
        known = self.marks.get(offset)
        tries = (known.tries if known else 0) + 1
        self.marks[offset] = Mark(tries)
        self.passed.discard(offset)
        self.following = max(self.following, offset + 1)
        return tries

    def skip(self, offset: int) -> None:
        """All before `offset` was seen: what is not marked holds no message."""
        self.following = max(self.following, offset)
        self._advance()

    def pass_over(self, offset: int) -> None:
        """A message is left for later, and those behind it are looked at: it is not done, and was not tried."""
        self.passed.add(offset)
        self.following = max(self.following, offset + 1)

    def until(self, offset: int) -> int:
        """The UNIX time before which it is not tried again; 0 where that is not so."""
        known = self.marks.get(offset)
        return known.until if known else 0

    def put_off(self, offset: int, until: int) -> None:
        """It is tried again, not before the UNIX time `until`."""
        known = self.marks.get(offset)
        if known is not None and known.tries != DONE:
            self.marks[offset] = Mark(known.tries, until)

    def finish(self, offset: int) -> None:
        """It is done."""
        if offset >= self.committed:
            self.marks[offset] = Mark(DONE)
            self._advance()

    def forget_tries(self) -> None:
        """Nothing was tried: only what is done is kept."""
        self._advance()
        self.marks = {offset: mark for offset, mark in self.marks.items() if mark.tries == DONE}

    @property
    def is_full(self) -> bool:
        """Whether nothing further may be given out: one offset that is not done keeps too much of it in the text."""
        far = self.following - self.committed >= WINDOW
        return far or (len(self.marks) > 200 and len(self.text) > LONGEST_TEXT * 3 // 4)

    @property
    def text(self) -> str:
        """What is to be kept with the offset."""
        return " ".join([VERSION, *self._runs()]) if self.marks else ""

    def _advance(self) -> None:
        """All done at the beginning belongs to the committed offset; gaps are offsets that hold no message.

        A message that is done costs one step here, however many are in hand.
        """
        while self.committed < self.following and self.committed not in self.passed:
            mark = self.marks.get(self.committed)
            if mark is None:
                self.committed = min((*self.marks, *self.passed, self.following))
            elif mark.tries == DONE:
                del self.marks[self.committed]
                self.committed += 1
            else:
                break

    def _runs(self) -> Iterator[str]:
        start, length, state = 0, 0, Mark(-1)
        for offset in sorted(self.marks):
            mark = self.marks[offset]
            if length and mark == state and offset == self.committed + start + length:
                length += 1
                continue
            if length:
                yield _run(start, length, state)
            start, length, state = offset - self.committed, 1, mark
        if length:
            yield _run(start, length, state)


def _run(start: int, length: int, mark: Mark) -> str:
    return f"{start}+{length}={mark.tries}" + (f"@{mark.until}" if mark.until else "")
