"""Looks at the backlog on the row: when one is taken, when a block of them is moved, and what is never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ebb.core.cycle import Opening, Verdict
from ebb.core.documents import Backlog
from ebb.core.planning import Decision, Wait
from ebb.core.row.looks import BLOCK, EVERY, MOST, Look, document_of, due_block, looked, looks_of
from ebb.core.row.schedule_row import ScheduleRow, Totals

START = datetime(2026, 1, 1, tzinfo=UTC)
ROW = ScheduleRow("parity", totals=Totals(processed=7, failed=2))


def opening(count: int | None = 5, verdict: Verdict = Verdict.GO) -> Opening:
    backlog = None if count is None else Backlog(count=count, measured_at="2026-01-01T00:00:00Z")
    return Opening(verdict, Wait(0, ""), Decision(3, ""), backlog=backlog)


def after(looks: int, moved: int = 0) -> ScheduleRow:
    row = ROW
    for number in range(looks):
        row = looked(row, opening(number), START + timedelta(seconds=EVERY * number), moved)
    return row


def test_look_has_the_count_the_executions_and_what_was_done_until_then() -> None:
    assert looks_of(looked(ROW, opening(5), START, 0).looks) == [Look(int(START.timestamp()), 5, 3, 7, 2)]


def test_no_look_where_nothing_was_counted_or_nobody_may_act() -> None:
    assert looked(ROW, opening(None), START, 0) == ROW
    assert looked(ROW, opening(5, Verdict.HOLD), START, 0) == ROW


def test_next_look_comes_after_two_minutes() -> None:
    row = looked(ROW, opening(1), START, 0)
    assert looked(row, opening(2), START + timedelta(seconds=EVERY - 1), 0) == row
    assert len(looks_of(looked(row, opening(2), START + timedelta(seconds=EVERY), 0).looks)) == 2


def test_block_is_due_once_two_are_there_so_that_one_stays_to_be_shown() -> None:
    assert due_block(after(2 * BLOCK - 1)) == []
    row = after(2 * BLOCK)
    block = due_block(row)
    assert [look.backlog for look in block] == list(range(BLOCK))
    later = START + timedelta(seconds=EVERY * 2 * BLOCK)
    moved = looked(row, opening(99), later, block[-1].at)
    assert [look.backlog for look in looks_of(moved.looks)] == [*range(BLOCK, 2 * BLOCK), 99]


def test_looks_that_cannot_be_moved_stay_up_to_a_bound() -> None:
    kept = looks_of(after(MOST + 10).looks)
    assert (len(kept), kept[-1].backlog) == (MOST, MOST + 9)


def test_what_another_version_wrote_is_left_out() -> None:
    assert looks_of({"looks": [[1, 2], [1, 2, 3, 4, 5]]}) == [Look(1, 2, 3, 4, 5)]
    assert looks_of(None) == []
    assert looks_of(document_of([Look(1, 2, 3, 4, 5)])) == [Look(1, 2, 3, 4, 5)]
    assert due_block(replace(ROW, looks={})) == []
