"""What an execution has received and not begun: it begins as turns and places allow, or is given back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from ebb.core.errors import SourceError
from ebb.execution.course import Course
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.holding import Held, Holding
from ebb.execution.in_flight import InFlight
from ebb.execution.turns import HandlerTurns


class Line(Protocol):
    """In which order messages begin."""

    def add(self, held: Held, first: bool = False) -> None:
        """Put a message into the line; `first`: before all others."""
        ...

    def first(self) -> Held | None:
        """The next one that may begin; None where none may now."""
        ...

    def begin(self) -> None:
        """Take out what `first` has given: it begins."""
        ...

    def take_all(self) -> list[Held]:
        """Take out all."""
        ...

    def __len__(self) -> int: ...


class AsReceived(deque[Held]):
    """A `Line` in the order of the source."""

    def add(self, held: Held, first: bool = False) -> None:
        (self.appendleft if first else self.append)(held)

    def first(self) -> Held | None:
        return self[0] if self else None

    def begin(self) -> None:
        self.popleft()

    def take_all(self) -> list[Held]:
        held = list(self)
        self.clear()
        return held


class Ready:
    """Begins messages, at most `at_once`; gives back what has not begun."""

    def __init__(
        self,
        line: Line,
        at_once: int,
        last_try: int,
        in_flight: InFlight,
        turns: HandlerTurns,
        holding: Holding,
        course: Course,
        report: ExecutionReport,
    ) -> None:
        """`last_try` is the number of the try that a message has no other after."""
        self._line, self._at_once, self._last_try = line, at_once, last_try
        self._in_flight, self._turns, self._holding = in_flight, turns, holding
        self._course, self._report = course, report

    def __len__(self) -> int:
        return len(self._line)

    def add(self, batch: Sequence[Held]) -> None:
        """More messages. The last try first: who is given back too often would become poison unseen."""
        for held in batch:
            self._line.add(held, first=held.message.dequeue_count >= self._last_try)

    def begin(self) -> None:
        """Begin what may begin; a handler that makes way for another calls this when it may ask again."""
        if not self._course.may_begin():
            return
        while len(self._in_flight) < self._at_once and (held := self._line.first()) is not None:
            if not self._turns.enter(held.alone, self.begin):
                return
            self._line.begin()
            self._in_flight.begin(held)

    async def give_back(self) -> None:
        """Release what has not begun."""
        ready = self._line.take_all()
        self._turns.forget(self.begin)
        results = await asyncio.gather(
            *(self._holding.release(held, timedelta()) for held in ready), return_exceptions=True
        )
        for result in results:
            if result is None:
                self._report.released += 1
            else:
                self._report.lost += 1
                if not isinstance(result, SourceError):
                    self._course.fault = result

    def leave(self) -> None:
        """Forget all: after a cancellation or a defect, what had not begun comes back by its lease."""
        self._line.take_all()
        self._turns.forget(self.begin)
