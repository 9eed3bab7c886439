"""The books: notes become a cycle's document, and every cycle is counted once, whoever closes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ebb.core.clock import rfc3339
from ebb.core.cycle import Opening, Verdict
from ebb.core.documents import Backlog, ErrorCount, Execution
from ebb.core.planning import Decision, Wait
from ebb.core.row import books
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import LastError, ScheduleRow, UnclosedCycle

START = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = "hub/ebb-parity/a"
ENTRY = UnclosedCycle(
    cycle=7,
    owner=OWNER,
    started_at=rfc3339(START),
    backlog=Backlog(count=9, measured_at=rfc3339(START)),
    decision=Decision(2, "9 messages"),
)


def at(seconds: float) -> str:
    return rfc3339(START + timedelta(seconds=seconds))


def execution(index: int = 0, run: str | None = "one", ended: float | None = 5, **more: Any) -> Execution:
    given: dict[str, Any] = {
        "index": index,
        "run": run,
        "started_at": at(1),
        "ended_at": None if ended is None else at(ended),
        "outcome": None if ended is None else "succeeded",
        **more,
    }
    return Execution(**given)


def note(did: Execution, owner: str = OWNER, cycle: int = 7) -> ExecutionNote:
    return ExecutionNote(owner, cycle, did.index, str(did.run), START + timedelta(minutes=5), did.to_document())


def opening(number: int, executions: int = 2, error: str | None = None) -> Opening:
    return Opening(
        Verdict.GO, Wait(1, ""), Decision(executions, "because"), cycle=number, started_at=at(0), error=error
    )


def test_cycle_that_is_opened_for_work_waits_to_be_closed() -> None:
    row = books.opened(ScheduleRow("parity"), OWNER, opening(7))
    assert [entry.cycle for entry in row.unclosed] == [7]
    assert books.opened(row, OWNER, opening(7)) == row
    assert books.opened(row, OWNER, opening(8, executions=0)) == row
    assert len(books.opened(row, OWNER, opening(8, executions=0, error="queue is down")).unclosed) == 2


def test_cycle_counts_once_also_when_a_later_one_was_closed_first() -> None:
    row = books.opened(books.opened(ScheduleRow("parity"), OWNER, opening(7)), OWNER, opening(8))
    seven, eight = (books.closed(replace(ENTRY, cycle=n), [execution(processed=n)], START) for n in (7, 8))
    row = books.entered(books.entered(row, eight), seven)
    assert (row.totals.cycles, row.totals.processed, row.unclosed, row.closed_cycle) == (2, 15, (), 8)
    assert (row.last_cycle or {})["cycle"] == 8
    assert books.entered(books.entered(row, seven), eight) == row


def test_cycle_of_an_older_version_of_the_app_is_counted_without_being_awaited() -> None:
    row = books.entered(
        ScheduleRow("parity", cycle=7, closed_cycle=6), books.closed(ENTRY, [execution(processed=3)], START)
    )
    assert (row.totals.processed, row.closed_cycle) == (3, 7)


def test_report_and_note_of_one_run_are_counted_once() -> None:
    did = execution(processed=4, received=4)
    (found,) = books.executions_of(ENTRY, [did], [note(execution(processed=3, ended=None))])
    assert (found.processed, found.outcome, found.at_least, found.runs) == (4, "succeeded", False, 1)


def test_run_that_died_and_its_repetition_are_added_up() -> None:
    died = note(execution(run="one", processed=3, ended=None, noted_at=at(3)))
    again = execution(run="two", processed=4, ended=9)
    (found,) = books.executions_of(ENTRY, [again], [died, note(again)])
    assert (found.processed, found.runs, found.at_least, found.outcome) == (7, 2, True, "succeeded")
    assert (found.started_at, found.ended_at) == (at(1), at(9))


def test_cycle_of_a_dead_host_ended_when_it_was_last_heard_of() -> None:
    notes = [note(execution(0, processed=5)), note(execution(1, processed=2, ended=None, noted_at=at(8)))]
    cycle = books.closed(ENTRY, books.executions_of(ENTRY, (), notes), START + timedelta(hours=1), "the watchdog")
    assert (cycle.outcome, cycle.processed, cycle.at_least) == ("lostHost", 7, True)
    assert (cycle.ended_at, cycle.closed_by) == (at(8), "the watchdog")
    assert [each.outcome for each in cycle.executions] == ["succeeded", "lostHost"]


def test_terminated_cycle_says_so_and_keeps_its_counts() -> None:
    row = books.ended_by_force(books.opened(ScheduleRow("parity"), OWNER, opening(7)))
    cycle = books.closed(row.unclosed[0], [execution(processed=42, outcome="stopped")], START, "the watchdog")
    assert (cycle.outcome, cycle.processed) == ("terminated", 42)


def test_cycle_whose_executions_never_began_is_closed_too() -> None:
    cycle = books.closed(ENTRY, [], START, "the watchdog")
    assert (cycle.outcome, cycle.processed, cycle.ended_at) == ("lostHost", 0, at(0))


def test_notes_of_others_do_not_count() -> None:
    others = [note(execution(processed=9), owner="hub/ebb-parity/b"), note(execution(processed=9), cycle=6)]
    assert books.executions_of(ENTRY, (), others) == []


def test_left_behind_are_cycles_of_others_and_earlier_own_ones() -> None:
    row = ScheduleRow("parity", unclosed=(replace(ENTRY, cycle=6), ENTRY, replace(ENTRY, cycle=5, owner="else")))
    assert [entry.cycle for entry in books.left_behind(row, OWNER, 7)] == [6, 5]
    assert [entry.cycle for entry in books.left_behind(row, "new", 8)] == [6, 7, 5]


def test_failing_cycles_in_a_row_and_the_last_error_are_kept() -> None:
    row = ScheduleRow("parity")
    for number in (1, 2, 3):
        failing = execution(
            failed=1,
            outcome="failed",
            error="ValueError: no",
            errors=(ErrorCount(type="ValueError", count=1, example="ValueError: no"),),
        )
        row = books.entered(
            row, books.closed(replace(ENTRY, cycle=number), [failing], START + timedelta(minutes=number))
        )
    assert row.failures == 3
    assert row.last_error == LastError(message="ValueError: no", count=3, first_at=at(60), at=at(180))
    row = books.entered(row, books.closed(replace(ENTRY, cycle=4), [execution(processed=1)], START))
    assert row.last_error is not None
    assert (row.failures, row.last_error.count, row.error) == (0, 3, None)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.booleans(), st.booleans()), max_size=8),
    st.permutations(range(8)),
)
def test_totals_are_the_sum_of_what_all_runs_noted(runs: list[tuple[int, int, bool, bool]], order: list[int]) -> None:
    notes: list[ExecutionNote] = []
    reported: dict[int, Execution] = {}
    for number, (index, processed, ended, told) in enumerate(runs):
        did = execution(index, f"run{number}", 5 if ended else None, processed=processed)
        notes.append(note(did))
        if ended and told:
            reported[index] = did
    shuffled = [notes[place] for place in order if place < len(notes)]
    found = books.executions_of(ENTRY, list(reported.values()), shuffled)
    cycle = books.closed(ENTRY, found, START)
    row = books.entered(replace(ScheduleRow("parity"), unclosed=(ENTRY,)), cycle)
    assert row.totals.processed == sum(processed for _, processed, _, _ in runs)
    assert row.totals.at_least == any(not ended for _, _, ended, _ in runs)
