"""The past as columns: exact where cycles are known, sampled where they are not, and no hole in between."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ebb.core.clock import rfc3339
from ebb.core.documents import Backlog, Cycle, Execution
from ebb.core.row.looks import Look
from ebb.core.series import MOST_STEPS, Grid, series

START = 1_700_000_000
GRID = Grid.over(START, START + 100, 10)


def cycle(began: float, ended: float, count: int = 4, executions: int = 2) -> Cycle:
    times = [rfc3339(datetime.fromtimestamp(START + each, UTC)) for each in (began, ended)]
    return Cycle(
        cycle=1,
        started_at=times[0],
        ended_at=times[1],
        backlog=Backlog(count=count, measured_at=times[0]),
        executions=tuple(Execution(index=index, started_at=times[0]) for index in range(executions)),
        processed=5,
        failed=1,
        poisoned=1,
    )


def test_cycle_counts_where_it_was_measured_worked_and_ended() -> None:
    columns = series(GRID, [], [cycle(12, 35)], None, START)
    assert columns.at == [START + 10 * step for step in range(10)]
    assert columns.backlog == [None, 4, *[None] * 8]
    assert columns.executions == [0, 2, 2, 2, 0, 0, 0, 0, 0, 0]
    assert columns.processed == [0, 0, 0, 5, *[0] * 6]
    assert columns.failed == [0, 0, 0, 2, *[0] * 6]


def test_cycles_in_one_step_add_up_and_the_latest_count_stays() -> None:
    columns = series(GRID, [Look(START + 3, 9, 0, 0, 0)], [cycle(5, 6, 7), cycle(1, 2, 8, 3)], None, START)
    assert (columns.backlog[0], columns.executions[0], columns.processed[0]) == (7, 3, 10)


def test_looks_alone_tell_the_backlog_and_by_their_totals_the_work() -> None:
    looks = [Look(START - 5, 1, 0, 100, 0), Look(START + 15, 30, 3, 120, 0), Look(START + 55, 0, 0, 150, 4)]
    columns = series(GRID, looks, [], None, START + 100)
    assert columns.backlog == [None, 30, None, None, None, 0, *[None] * 4]
    assert columns.processed == [0, 20, 0, 0, 0, 30, 0, 0, 0, 0]
    assert columns.failed[5] == 4
    assert columns.executions[1] == 3


def test_nothing_is_counted_twice_where_cycles_are_known() -> None:
    looks = [Look(START + 1, 4, 1, 0, 0), Look(START + 41, 4, 1, 5, 0), Look(START + 81, 0, 0, 10, 0)]
    columns = series(GRID, looks, [cycle(50, 60)], None, START + 45)
    assert columns.processed == [0, 0, 0, 0, 5, 0, 5, 0, 5, 0]
    assert sum(series(GRID, looks, [cycle(50, 60)], None, START).processed) == 5


def test_cycle_that_reaches_over_the_edges_counts_inside() -> None:
    columns = series(GRID, [], [cycle(-50, 15), cycle(95, 300)], None, START)
    assert columns.executions == [2, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert columns.processed == [0, 5, *[0] * 8]


def test_latest_count_is_shown_though_its_cycle_did_nothing() -> None:
    latest = Backlog(count=3, measured_at=rfc3339(datetime.fromtimestamp(START + 97, UTC)))
    assert series(GRID, [], [], latest, START).backlog == [*[None] * 9, 3]


def test_totals_that_began_anew_count_as_nothing() -> None:
    looks = [Look(START + 1, 0, 0, 500, 9), Look(START + 15, 0, 0, 3, 0)]
    assert sum(series(GRID, looks, [], None, START + 100).processed) == 0


def test_cycle_without_times_is_left_out() -> None:
    empty = series(GRID, [], [], None, START)
    assert series(GRID, [], [Cycle(cycle=1, ended_at="soon")], None, START) == empty


@pytest.mark.parametrize(("end", "step"), [(START, 1), (START - 1, 1), (START + 10, 0), (START + MOST_STEPS + 1, 1)])
def test_grid_that_is_empty_or_too_fine_is_refused(end: float, step: float) -> None:
    with pytest.raises(ValueError, match=r"from must be before to|take step=1 or more"):
        Grid.over(START, end, step)
