"""The checker finds what is wrong in ledgers that were broken by hand, and nothing in one that is right."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import books, checker
from tests.chaos.ledger import Record, read, record_of
from tests.chaos.work_times import executions_at_work, most_at_once

LIMITS = {"s": 2}


def put(number: int, at: float = 0.0, job: str = "well", **more: Any) -> dict[str, Any]:
    return {"event": "put", "number": number, "message": f"m{number}", "job": job, "schedule": "s", "at": at, **more}


def handled(
    number: int,
    begin: float,
    end: float | None = None,
    outcome: str = "done",
    *,
    tries: int = 1,
    run: str = "r1",
    **more: Any,
) -> list[dict[str, Any]]:
    """A handler's lines; without `end` it never ended."""
    about = {"number": number, "message": f"m{number}", "tries": tries, "run": run, "schedule": "s", "cycle": 1}
    about |= {"host": "h", "pid": 1, **more}
    lines = [{"event": "begin", "at": begin, **about}]
    return lines if end is None else [*lines, {"event": "end", "at": end, "outcome": outcome, **about}]


def executed(
    begin: float, end: float | None, cycle: int = 1, *, run: str = "r1", owner: str = "hub/i/1", host: str = "h"
) -> list[dict[str, Any]]:
    about = {"schedule": "s", "cycle": cycle, "execution": 0, "owner": owner, "run": run, "host": host, "pid": 1}
    lines = [{"event": "open", "at": begin, **about}]
    return lines if end is None else [*lines, {"event": "close", "at": end, **about}]


def broken(
    kind: str, begin: float, end: float | None, host: str | None = None, *, doubles: bool = True
) -> list[dict[str, Any]]:
    lines = [{"event": "fault", "id": f"{kind}{begin}", "kind": kind, "doubles": doubles, "at": begin, "host": host}]
    return lines if end is None else [*lines, {"event": "mended", "id": f"{kind}{begin}", "at": end}]


def death(at: float, host: str = "h") -> dict[str, Any]:
    return {"event": "death", "host": host, "at": at}


def poisoned(number: int, reason: str | None = "why") -> dict[str, Any]:
    return {"event": "poisoned", "message": f"m{number}", "reason": reason, "at": 9.0}


def kinds(*events: Any) -> set[str]:
    """What the checker finds in these events, which are put in order of time."""
    return {each.kind for each in checker.check(record(*events), LIMITS)}


def record(*events: Any) -> Record:
    flat = itertools.chain.from_iterable(each if isinstance(each, list) else [each] for each in events)
    return record_of(sorted(flat, key=lambda each: each["at"]))


def test_nothing_is_found_in_a_right_run() -> None:
    assert (
        kinds(put(1), put(2), executed(1, 4), handled(1, 2, 3), handled(2, 2, 3.5), executed(4, 5, 2, run="r2"))
        == set()
    )


def test_a_message_that_nobody_handled_is_lost() -> None:
    assert kinds(put(1), put(2), handled(1, 1, 2)) == {"lost"}


@pytest.mark.parametrize("outcome", ["raised", "refused", "cancelled"])
def test_a_message_whose_handler_did_not_come_to_its_end_is_lost(outcome: str) -> None:
    assert kinds(put(1), handled(1, 1, 2, outcome)) == {"lost"}
    assert kinds(put(1), handled(1, 1)) == {"lost"}


def test_a_message_that_may_not_have_been_put_is_not_lost() -> None:
    assert kinds(put(1, certain=False)) == set()


def test_a_message_that_still_waits_is_not_lost() -> None:
    assert checker.check(record(put(1)), LIMITS, waiting=frozenset({"m1"})) == []


def test_poison_with_a_reason_counts_as_settled() -> None:
    assert kinds(put(1, job="raise"), handled(1, 1, 2, "raised"), poisoned(1)) == set()


@pytest.mark.parametrize("reason", [None, ""])
def test_poison_without_a_reason_is_found(reason: str | None) -> None:
    assert kinds(put(1, job="raise"), poisoned(1, reason)) == {"no reason"}


def test_a_message_twice_in_the_poison_queue_is_found() -> None:
    assert kinds(put(1, job="raise"), poisoned(1), poisoned(1)) == {"poison twice"}


def test_a_well_message_that_became_poison_is_found() -> None:
    assert kinds(put(1), poisoned(1)) == {"innocent"}


def of_keys(*events: Any, of_a_key: int = 1) -> set[str]:
    """What the checker finds where keys have a limit."""
    return {each.kind for each in checker.check(record(*events), LIMITS, of_a_key=of_a_key)}


def test_two_messages_of_a_key_at_once_are_found_and_of_two_keys_are_not() -> None:
    first, second = [put(1), handled(1, 1, 3, key="a")], [put(2), handled(2, 2, 4, key="a")]
    assert of_keys(*first, *second) == {"too many"}
    assert of_keys(*first, *second, of_a_key=2) == set()
    assert of_keys(*first, put(2), handled(2, 2, 4, key="b"), put(3), handled(3, 2, 4)) == set()
    assert of_keys(*first, put(2), handled(2, 3, 4, key="a")) == set()
    assert kinds(*first, *second) == set()


def test_key_whose_handler_died_with_its_host_is_free() -> None:
    dead = [put(1), handled(1, 1, key="a"), death(2)]
    assert of_keys(*dead, handled(1, 3, 4, tries=2, run="r2", host="h2", key="a")) == set()
    assert of_keys(put(1), handled(1, 1, key="a"), put(2), handled(2, 3, 4, key="a")) >= {"too many"}


def test_a_second_handling_without_a_reason_is_found() -> None:
    assert kinds(put(1), handled(1, 1, 2), handled(1, 5, 6, tries=2)) == {"duplicate"}


def test_a_second_handling_while_the_first_is_at_work_is_found() -> None:
    assert kinds(put(1), handled(1, 1, 9), handled(1, 5, 6, tries=2, pid=2)) == {"duplicate"}


@pytest.mark.parametrize("outcome", ["raised", "cancelled"])
def test_a_retry_explains_a_second_handling(outcome: str) -> None:
    assert kinds(put(1), handled(1, 1, 2, outcome), handled(1, 5, 6, tries=2)) == set()


def test_the_death_of_its_host_explains_a_second_handling_and_that_of_another_does_not() -> None:
    twice = [put(1), handled(1, 1, 2), handled(1, 5, 6, tries=2, run="r2")]
    assert kinds(*twice, death(3)) == set()
    assert kinds(*twice, death(3, "other")) == {"duplicate"}
    assert kinds(*twice, death(0.5)) == {"duplicate"}  # before the first
    assert kinds(*twice, death(7)) == {"duplicate"}  # after the second


def test_a_fault_explains_a_second_handling_only_if_it_can_and_in_its_time() -> None:
    twice = [put(1), handled(1, 11, 12), handled(1, 15, 16, tries=2)]
    assert kinds(*twice, broken("reset delete", 11.5, 13)) == set()
    assert kinds(*twice, broken("reset delete", 14, None)) == set()
    assert kinds(*twice, broken("swallow extend", 6, 10.5)) == set(), "in the lease of the first, before its handler"
    assert kinds(*twice, broken("reset delete", 5, 6.9)) == {"duplicate"}
    assert kinds(*twice, broken("reset delete", 15.5, 17)) == {"duplicate"}
    assert kinds(*twice, broken("clock", 11.5, 13, doubles=False)) == {"duplicate"}
    assert kinds(*twice, broken("freeze", 11.5, 13, "other")) == {"duplicate"}


def test_a_third_handling_needs_a_reason_of_its_own() -> None:
    three = [handled(1, at, at + 1, tries=at, run=f"r{at}") for at in (1, 5, 9)]
    assert kinds(put(1), *three, death(3)) == {"duplicate"}
    assert kinds(put(1), *three, death(3), death(7)) == set()


def test_executions_of_two_cycles_at_once_overlap() -> None:
    assert kinds(executed(1, 4), executed(3.9, 5, 2, run="r2")) == {"overlap"}
    assert kinds(executed(1, 4), executed(4, 5, 2, run="r2")) == set()


def test_two_owners_of_one_cycle_number_overlap() -> None:
    assert kinds(executed(1, 4), executed(2, 5, 1, run="r2", owner="hub/i/2")) == {"overlap"}
    assert kinds(executed(1, 4), executed(2, 5, 1, run="r2")) == set()


def test_an_execution_ends_with_its_host() -> None:
    assert kinds(executed(1, None), death(2), executed(2.5, 3, 2, run="r2")) == set()
    assert kinds(executed(1, None), death(2.7), executed(2.5, 3, 2, run="r2")) == {"overlap"}
    assert kinds(executed(1, None), death(2, "other"), executed(2.5, 3, 2, run="r2")) == {"overlap"}


def test_a_frozen_execution_does_not_work_until_it_begins_a_message() -> None:
    story = [executed(1, 9), broken("freeze", 2, 7, "h"), executed(3, 4, 2, run="r2", owner="b", host="b")]
    assert kinds(*story) == set()
    late = executed(7.5, 8.5, 3, run="r3", owner="b", host="b")
    assert kinds(*story, late) == set()
    assert kinds(*story, late, put(1), handled(1, 8, 8.2)) == {"overlap"}


def test_a_handler_of_a_frozen_host_goes_on_and_is_nobodys_fault() -> None:
    story = [put(1), put(2), handled(1, 1, 9, cycle=1), handled(2, 5, 10, run="r2", cycle=2, host="b")]
    assert kinds(*story) == {"handlers overlap"}
    assert kinds(*story, broken("freeze", 2, 8, "h")) == set()
    assert kinds(*story, broken("freeze", 2, 8, "other")) == {"handlers overlap"}


def test_a_handler_that_works_on_into_the_next_cycle_is_found() -> None:
    first, second = handled(1, 1.5, 6), handled(2, 4.5, 5, run="r2", cycle=2)
    assert kinds(put(1), put(2), executed(1, 4), executed(4, 6, 2, run="r2"), first, second) == {"handlers overlap"}


def test_more_executions_than_allowed_are_found() -> None:
    three = [executed(begin, 5, run=f"r{begin}") for begin in (1, 2, 3)]
    assert kinds(*three) == {"too many"}
    assert most_at_once(executions_at_work(record(*three), 9)) == {"s": 3}
    assert kinds(*three[:2]) == set()


def test_an_abandoned_handler_may_work_on_and_counts_against_the_maximum() -> None:
    story = [
        put(1),
        put(2),
        executed(1, 4),
        handled(1, 1.5, 9),
        executed(5, 7, 2, run="r2"),
        handled(2, 5.5, 6, run="r2", cycle=2),
    ]
    found = checker.check(record(*story), LIMITS, handler_limit=2.5)
    assert found == []
    assert {each.kind for each in checker.check(record(*story), LIMITS, handler_limit=4.5)} == {"handlers overlap"}
    found = checker.check(record(*story, executed(5, 7, 2, run="r3")), LIMITS, handler_limit=2.5)
    assert {each.kind for each in found} == {"too many"}


def test_a_body_that_changed_on_its_way_to_the_poison_place_is_found() -> None:
    assert kinds(put(1, job="raise"), {**poisoned(1), "whole": False}) == {"body"}


def test_recovery_counts_from_the_end_of_the_fault_to_the_next_handler() -> None:
    story = [put(1, 0), put(2, 2.5), handled(1, 1, 2), broken("outage", 2, 4), handled(2, 7, 8)]
    assert checker.recovery(record(*story)) == [("outage", 3.0)]
    assert checker.recovery(record(*story), since=1) == []


def test_recovery_is_not_judged_where_nothing_waited() -> None:
    assert (
        checker.recovery(record(put(1), handled(1, 1, 2), broken("outage", 2, 4), put(2, 9), handled(2, 10, 11))) == []
    )


def test_recovery_is_that_of_the_last_fault_where_one_follows_the_other() -> None:
    story = [put(1), broken("kill", 2, 4), broken("kill", 5, 6), handled(1, 9, 10)]
    assert checker.recovery(record(*story)) == [("kill", 3.0)]


def test_recovery_that_never_came_is_told() -> None:
    assert checker.recovery(record(put(1, 3), broken("outage", 2, 4))) == [("outage", None)]


def test_a_line_that_is_being_written_is_read_the_next_time(tmp_path: Path) -> None:
    path, line = tmp_path / "ledger.jsonl", json.dumps(put(1)) + "\n"
    assert read(path).puts == {}
    path.write_text(line + line[:20])
    assert list(read(path).puts) == [1]


def judged(totals: dict[str, Any], cycles: list[dict[str, Any]], *events: Any) -> list[str]:
    document = {"totals": totals}
    counts = books.counts_of(record(*events), "s", document, cycles, limit=5.0)
    return [str(each) for each in books.wrong(counts, document)]


DONE = [put(1), put(2), put(3), handled(1, 1, 2), handled(2, 1, 2), handled(3, 1, 2)]


def test_right_books_are_right() -> None:
    assert judged({"processed": 3, "poisoned": 0}, [{"processed": 2}, {"processed": 1}], *DONE) == []


@pytest.mark.parametrize(
    ("totals", "history"), [(2, 3), (3, 2), (2, 2), (4, 4)], ids=["totals", "history", "both low", "both high"]
)
def test_wrong_books_are_told_with_the_three_numbers(totals: int, history: int) -> None:
    found = judged({"processed": totals}, [{"processed": history}], *DONE)
    assert found == [f"processed: history {history}, totals {totals}, ledger 3"]


def test_low_books_are_right_only_where_they_say_so() -> None:
    died = [*DONE, executed(0.5, None), death(3)]
    assert judged({"processed": 2, "atLeast": True}, [{"processed": 2}], *died) == []
    assert judged({"processed": 2}, [{"processed": 2}], *died) != []
    assert judged({"processed": 2, "atLeast": True}, [{"processed": 1}], *died) != []
    assert judged({"processed": 4, "atLeast": True}, [{"processed": 4}], *died) != []


def test_books_that_say_so_may_be_low_only_by_what_could_not_be_written_down() -> None:
    low = {"processed": 2, "atLeast": True}, [{"processed": 2}]
    assert judged(*low, *DONE, executed(0.5, 3)) != []  # it came to its end, and nothing was broken
    assert judged(*low, *DONE, executed(0.5, 3), broken("reset note.write", 2, 5)) == []
    assert judged(*low, *DONE, executed(0.5, 3), broken("kill", 4, 5)) == []  # its last word was on its way
    assert judged(*low, *DONE, executed(0.5, 3), broken("kill", 10, 11)) != []
    other = [put(4), handled(4, 5, 6, run="r2"), executed(5, None, run="r2")]
    assert judged(*low, *DONE, executed(0.5, 3), *other, death(7)) != []  # two are missing, one can be explained


def test_a_message_done_twice_may_be_counted_once_or_twice() -> None:
    twice = [*DONE, death(3), handled(1, 4, 5, tries=2)]
    for count in (3, 4):
        assert judged({"processed": count}, [{"processed": count}], *twice) == []
    assert judged({"processed": 5}, [{"processed": 5}], *twice) == ["processed: history 5, totals 5, ledger 3 to 4"]


def test_poison_is_counted_too() -> None:
    story = [put(1, job="raise"), handled(1, 1, 2, "raised"), poisoned(1)]
    assert judged({"poisoned": 1, "failed": 1}, [{"poisoned": 1, "failed": 1}], *story) == []
    assert judged({"poisoned": 0, "failed": 1}, [{"poisoned": 0, "failed": 1}], *story) != []
    assert judged({"poisoned": 1, "failed": 2}, [{"poisoned": 1, "failed": 2}], *story) != []


@pytest.mark.parametrize("handling", [handled(1, 1, 3, "cancelled"), handled(1, 1), handled(1, 1, 6.5)])
def test_a_handler_that_was_ended_or_left_to_itself_may_count_as_failed(handling: list[dict[str, Any]]) -> None:
    again = handled(1, 8, 9, tries=2)
    counted = {"processed": 1, "failed": 1}
    assert judged(counted, [counted], put(1), handling, again) == []
    assert judged(counted, [counted], put(1), handled(1, 1, 3), again) != []


def cycle(number: int, *times: tuple[str, str | None]) -> dict[str, Any]:
    executions = [
        {"startedAt": f"2026-01-31T12:00:{begin}Z", "endedAt": end and f"2026-01-31T12:00:{end}Z"}
        for begin, end in times
    ]
    return {"cycle": number, "executions": executions}


def test_a_history_that_shows_two_cycles_at_once_is_found() -> None:
    one = cycle(1, ("01.000", "05.000"), ("01.000", "09.500"))
    assert books.overlaps_shown([cycle(2, ("09.000", "12.000")), one]) == ["cycle 2 begins 0.50 s before cycle 1 ends"]
    assert books.overlaps_shown([cycle(2, ("09.500", "12.000")), one]) == []
    assert books.overlaps_shown([cycle(2, ("09.499", "12.000")), one]) == []  # times are cut to milliseconds
    assert books.overlaps_shown([one, {"cycle": 2}, cycle(3, ("02.000", None))]) == []


def decided(*reasons: str) -> list[dict[str, Any]]:
    return [{"cycle": number, "decision": {"reason": text}} for number, text in enumerate(reasons)]


def test_a_lane_that_is_passed_over_for_too_long_is_found() -> None:
    waits, kept, alone = (
        f"3 wait; lanes in order: {lanes}" for lanes in ("a 1, b 0 (waits)", "a 0 (waits), b 1", "a 1")
    )
    assert books.starved(decided(*[waits] * 3, kept, *[waits] * 3, alone, *[waits] * 3)) == []
    assert books.starved(decided(*[waits] * 3, "nothing is waiting", kept)) == []
    assert books.starved(decided(*[waits] * 4)) == ["lane b waits for the 4th cycle in a row in cycle 3"]
    three = "3 wait; lanes in order: a 1, b 0 (waits), c 0 (waits); held to 1 by 1 partition"
    assert books.starved(decided(*[three] * 7)) == []
    assert len(books.starved(reversed(decided(*[three] * 8)))) == 2
