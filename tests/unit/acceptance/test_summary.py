"""The account of a run: what counts as missing, handled twice, overlapping."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ebb.cli.acceptance.ledger import Entry, Ledger
from ebb.cli.acceptance.summary import Interval, Put, count_overlaps, max_in_flight, summarise
from ebb.cli.local.up import _complaints
from ebb.core.clock import rfc3339

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _interval(cycle: int, start: float, end: float) -> Interval:
    return Interval(cycle, NOON + timedelta(seconds=start), NOON + timedelta(seconds=end))


def _cycle(number: int, *times: tuple[float, float], poisoned: int = 0) -> dict[str, Any]:
    executions = [
        {"startedAt": rfc3339(NOON + timedelta(seconds=start)), "endedAt": rfc3339(NOON + timedelta(seconds=end))}
        for start, end in times
    ]
    return {"cycle": number, "executions": executions, "poisoned": poisoned, "failed": 0}


def _entries(*values: int) -> list[Entry]:
    return [Entry(str(value), value, "odd" if value % 2 else "even") for value in values]


PUT = {"1": 1, "2": 2, "3": 3}


def test_run_where_all_went_well_has_no_fault() -> None:
    summary = summarise(
        Put(PUT, ["p"], ["p"]), _entries(2, 1, 3), [_cycle(2, (3, 4)), _cycle(1, (0, 1), (0, 2), poisoned=1)], 2.0
    )
    assert summary.faults == []
    assert summary.to_document() == {
        "enqueued": 4,
        "processed": 3,
        "poisoned": 1,
        "missing": 0,
        "duplicates": 0,
        "others": 0,
        "failed": 0,
        "cycles": 2,
        "maxExecutionsInFlight": 2,
        "overlaps": 0,
        "seconds": 2.0,
        "messagesPerSecond": 1.5,
    }


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(_entries(1, 2), id="not in the ledger"),
        pytest.param([*_entries(1, 2), Entry("3", 3, "even")], id="wrong answer"),
        pytest.param([*_entries(1, 2), Entry("3", 5, "odd")], id="another value"),
    ],
)
def test_message_is_missing_when_it_was_not_handled_right(entries: list[Entry]) -> None:
    summary = summarise(Put(PUT), entries, [], 1.0)
    assert summary.missing == 1
    assert summary.faults == ["1 message was not handled as it should be"]


def test_message_that_should_be_poisoned_is_missing_when_it_was_not() -> None:
    summary = summarise(Put(PUT, ["p", "q"], ["q"]), _entries(1, 2, 3), [_cycle(1, poisoned=1)], 1.0)
    assert (summary.missing, summary.poisoned) == (1, 1)
    assert "1 message was poisoned, 2 should have been" in summary.faults


def test_readable_message_that_was_poisoned_is_a_fault_but_not_missing() -> None:
    summary = summarise(Put(PUT, [], ["3"]), _entries(1, 2), [_cycle(1, poisoned=1)], 1.0)
    assert summary.missing == 0
    assert summary.faults == ["1 message was poisoned, 0 should have been"]


def test_message_handled_twice_counts_once_and_is_reported() -> None:
    summary = summarise(Put(PUT), _entries(1, 2, 3, 3, 3, 2), [], 1.0)
    assert (summary.processed, summary.duplicates) == (3, 2)
    assert summary.faults == ["2 messages were handled more than once"]


def test_messages_of_an_earlier_run_are_told_and_are_no_fault_of_this_one() -> None:
    entries = [*_entries(1, 2, 3), Entry("8", 8, "even"), Entry("9", 9, "even"), Entry("9", 9, "even")]
    summary = summarise(Put(PUT, ["p"], ["p", "x"]), entries, [_cycle(1, poisoned=3)], 1.0)
    assert summary.faults == []
    assert (summary.enqueued, summary.processed, summary.poisoned, summary.duplicates) == (4, 3, 1, 0)
    assert summary.others == 4
    assert "0 handled twice, and 4 messages that this run did not put; 1 cycle with at most 0" in summary.in_words()


def test_poison_of_this_run_is_not_made_up_for_by_that_of_an_earlier_one() -> None:
    summary = summarise(Put(PUT, ["p"], ["x"]), _entries(1, 2, 3), [_cycle(1, poisoned=1)], 1.0)
    assert (summary.missing, summary.poisoned) == (1, 0)
    assert len(summary.faults) == 2


def test_run_that_put_nothing_accounts_for_all_that_it_met() -> None:
    summary = summarise(None, _entries(1, 2), [_cycle(1, poisoned=3)], 1.0)
    assert (summary.enqueued, summary.processed, summary.poisoned, summary.others) == (0, 2, 3, 0)
    assert summary.faults == []


def test_executions_of_different_cycles_that_touch_do_not_overlap() -> None:
    assert count_overlaps([_interval(1, 0, 2), _interval(1, 1, 3), _interval(2, 3, 4)]) == 0


def test_executions_of_different_cycles_that_overlap_are_counted_in_pairs() -> None:
    intervals = [_interval(2, 2, 5), _interval(1, 0, 3), _interval(1, 1, 2.5), _interval(3, 4, 6)]
    assert count_overlaps(intervals) == 3


def test_executions_in_flight_are_counted_where_they_are_most() -> None:
    assert max_in_flight([_interval(1, 0, 2), _interval(1, 1, 3), _interval(2, 3, 4), _interval(2, 2, 3)]) == 2
    assert max_in_flight([]) == 0


def test_overlapping_cycles_in_the_history_are_a_fault() -> None:
    summary = summarise(Put({}), [], [_cycle(1, (0, 10)), _cycle(2, (9, 11))], 1.0)
    assert summary.faults == ["1 pair of executions of different cycles overlapped"]


def test_ledger_reads_only_whole_lines_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "parity.jsonl"
    ledger = Ledger(path)
    assert ledger.read() == 0
    lines = [json.dumps({"id": f"m{n}", "value": n, "parity": "even", "at": "x"}) for n in range(3)]
    path.write_text(lines[0] + "\n" + lines[1][:10])
    assert ledger.read() == 1
    with path.open("a") as file:
        file.write(lines[1][10:] + "\n" + lines[2] + "\n")
    assert ledger.read() == 3
    assert ledger.read() == 3
    assert [(entry.id, entry.right) for entry in ledger.entries] == [("m0", True), ("m1", False), ("m2", True)]


def test_run_that_stalled_complains_of_what_it_waited_for_and_one_that_was_interrupted_of_nothing() -> None:
    summary = summarise(Put(PUT), _entries(1, 2), [], 1.0)
    assert _complaints("not drained: 1 message", summary) == [
        "not drained: 1 message",
        "fault: 1 message was not handled as it should be",
    ]
    assert _complaints("interrupted", summary) == ["interrupted: 1 of 3 messages not handled yet"]
    assert _complaints("", summarise(Put(PUT), _entries(1, 2, 3), [], 1.0)) == []
