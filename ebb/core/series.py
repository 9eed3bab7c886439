"""A schedule's past as columns of numbers over time, for a chart: backlog, executions, messages processed and failed.

Two things are known of the past. Cycles are exact and say nothing of idle times; looks are samples, and leave no hole.
Where cycles are known they count, and looks fill what is between and before them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ebb.core.clock import parse_rfc3339
from ebb.core.document import COUNT, TIME, Document, Schema, member
from ebb.core.documents import Backlog, Cycle
from ebb.core.row.looks import Look

MOST_STEPS = 2000
_COUNTS: Schema = {"type": "array", "items": COUNT}


@dataclass(frozen=True, kw_only=True)
class Series(Document):
    """A schedule's past as columns, one entry a step."""

    start: str = member(TIME, name="from")
    end: str = member(TIME, name="to")
    step: float = member({"type": "number"}, said="seconds")
    cycles_since: str = member(TIME, said="from here on exact, before it from looks two minutes apart")
    at: tuple[int, ...] = member(_COUNTS, said="seconds since 1970, the start of each step")
    backlog: tuple[int | None, ...] = member(
        {"type": "array", "items": {"type": ["integer", "null"]}}, said="null: nobody counted"
    )
    executions: tuple[int, ...] = member(_COUNTS)
    processed: tuple[int, ...] = member(_COUNTS)
    failed: tuple[int, ...] = member(_COUNTS)


@dataclass(frozen=True)
class Grid:
    """The steps of a chart. Times are seconds since 1970; the first step begins at `start`."""

    start: float
    step: float
    count: int

    @classmethod
    def over(cls, start: float, end: float, step: float) -> Grid:
        """As many steps as it takes from `start` to `end`.

        Raises:
            ValueError: more than MOST_STEPS, or none.
        """
        if not (start < end and step > 0):
            raise ValueError("from must be before to")
        count = int(-(-(end - start) // step))
        if count > MOST_STEPS:
            needed = (end - start) / MOST_STEPS
            raise ValueError(f"{count} steps; at most {MOST_STEPS} are answered, so take step={needed:.0f} or more")
        return cls(start, step, count)

    def place(self, at: float) -> int | None:
        """The step that `at` is in; None outside."""
        index = int((at - self.start) // self.step)
        return index if 0 <= index < self.count else None


@dataclass
class Columns:
    """One entry a step. Backlog is the latest count in the step, None where nobody counted."""

    at: list[int]
    backlog: list[int | None]
    executions: list[int]  # of cycles that were at work in the step; of overlap-free cycles the largest
    processed: list[int]
    failed: list[int]
    _counted_at: dict[int, float] = field(default_factory=dict[int, float])

    @classmethod
    def of(cls, grid: Grid) -> Columns:
        """Columns in which nothing happened."""
        steps = range(grid.count)
        return cls([int(grid.start + index * grid.step) for index in steps], [None for _ in steps], *_zeros(grid.count))

    def count(self, grid: Grid, at: float, backlog: int) -> None:
        """Enter a count of the backlog; of several in one step the latest stays."""
        index = grid.place(at)
        if index is not None and at >= self._counted_at.get(index, 0.0):
            self._counted_at[index], self.backlog[index] = at, backlog


def series(
    grid: Grid, looks: Sequence[Look], cycles: Sequence[Cycle], latest: Backlog | None, cycles_since: float
) -> Columns:
    """The columns over `grid`.

    Args:
        looks: oldest first.
        latest: the last count, of a cycle that need not be among `cycles`.
        cycles_since: from then on every cycle with work is among `cycles`; before it only looks are known.
    """
    columns = Columns.of(grid)
    for look in looks:
        columns.count(grid, look.at, look.backlog)
    for before, look in itertools.pairwise(looks):
        index = grid.place(look.at)
        if index is not None and before.at < cycles_since:
            columns.executions[index] = max(columns.executions[index], look.executions)
            columns.processed[index] += max(look.processed - before.processed, 0)
            columns.failed[index] += max(look.failed - before.failed, 0)
    for cycle in cycles:
        _enter(columns, grid, cycle)
    if latest is not None:
        columns.count(grid, parse_rfc3339(latest.measured_at).timestamp(), latest.count)
    return columns


def _enter(columns: Columns, grid: Grid, cycle: Cycle) -> None:
    began, ended, backlog = _seconds(cycle.started_at), _seconds(cycle.ended_at), cycle.backlog
    if backlog is not None and (measured := _seconds(backlog.measured_at)) is not None:
        columns.count(grid, measured, backlog.count)
    if began is None or ended is None:
        return
    executions = len(cycle.executions)
    for index in _touched(grid, began, ended):
        columns.executions[index] = max(columns.executions[index], executions)
    index = grid.place(ended)
    if index is not None:
        columns.processed[index] += cycle.processed
        columns.failed[index] += cycle.failed + cycle.poisoned


def _touched(grid: Grid, began: float, ended: float) -> Iterator[int]:
    first = max(int((began - grid.start) // grid.step), 0)
    last = min(int((ended - grid.start) // grid.step), grid.count - 1)
    yield from range(first, last + 1)


def _zeros(count: int) -> tuple[list[int], list[int], list[int]]:
    return [0] * count, [0] * count, [0] * count


def _seconds(text: str | None) -> float | None:
    try:
        return parse_rfc3339(text).timestamp() if text else None
    except ValueError:
        return None
