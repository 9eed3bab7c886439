"""The rules of a check-in: repeated and late activities, takeovers, numbers, pauses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.cycle import CycleState, Opening, Verdict
from ebb.core.documents import Cycle, Execution
from ebb.core.planning import Decision, Wait
from ebb.core.row.books import entered
from ebb.core.row.checkin import checked_in, number_of, outlived, rested, taken_up, verdict_of, written_at
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.validation import validate_settings

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKEW = timedelta(seconds=30)
SETTINGS = validate_settings({"source": {"type": "tick"}, "handler": "handlers.noop:handle"})
MINE, LATER, OTHER = "hub/ebb-parity/a", "hub/ebb-parity/b", "else/ebb-parity/c"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def row(**fields: Any) -> ScheduleRow:
    return ScheduleRow(
        **{
            "name": "parity",
            "intent": Intent.RUNNING,
            "owner": MINE,
            "owner_until": at(60),
            "cycle": 7,
            "launch": 3,
            **fields,
        }
    )


def state(**fields: Any) -> CycleState:
    return CycleState(**{"schedule": "parity", "taskHub": "hub", "owner": MINE, "launch": 3, **fields})


def go(executions: int, cycle: int = 7) -> Opening:
    return Opening(Verdict.GO, Wait(5, ""), Decision(executions, ""), cycle=cycle)


def verdict(on: ScheduleRow, of: CycleState) -> Verdict:
    found = verdict_of(on, of, NOW, SKEW, SETTINGS)
    return found.verdict if found else Verdict.GO


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (row(), Verdict.GO),
        (row(owner=None, owner_until=None), Verdict.GO),
        (row(intent=Intent.STOPPED), Verdict.END),
        (row(intent=Intent.PAUSED), Verdict.HOLD),
        (row(intent=Intent.PAUSED, until=at(1)), Verdict.HOLD),
        (row(intent=Intent.PAUSED, until=at(0)), Verdict.GO),
        (row(owner=OTHER), Verdict.END),
        (row(owner=OTHER, owner_until=at(-31)), Verdict.GO),
        (row(launch=4), Verdict.END),
        (row(launch=4, owner=None), Verdict.END),
        (row(launch=4, owner=LATER), Verdict.END),
        (row(owner="hub/ebb-parity/z", working_until=at(9)), Verdict.HOLD),
        (row(owner="hub/ebb-parity/z", working_until=None), Verdict.GO),
        (row(cycle=8), Verdict.END),
    ],
)
def test_verdict_follows_intent_and_fence(on: ScheduleRow, expected: Verdict) -> None:
    assert verdict(on, state(cycle=7)) is expected


def test_launch_that_is_not_known_counts_by_the_fence_alone() -> None:
    assert verdict(row(launch=4), state(launch=0)) is Verdict.GO
    assert verdict(row(launch=4, owner=OTHER), state(launch=0)) is Verdict.END


@pytest.mark.parametrize(("until", "seconds"), [(9, 2), (-29, 1), (-29.99, 0.1)])
def test_hold_for_a_predecessor_looks_again_soon(until: float, seconds: float) -> None:
    held = verdict_of(row(owner="hub/ebb-parity/z", working_until=at(until)), state(), NOW, SKEW, SETTINGS)
    assert held is not None
    assert (held.verdict, held.wait.seconds) == (Verdict.HOLD, seconds)


def test_successor_goes_on_once_no_execution_of_the_earlier_launch_is_noted() -> None:
    on = row(owner="hub/ebb-parity/z", owner_launch=2, working_until=at(300))
    busy = ExecutionNote("hub/ebb-parity/z", cycle=7, index=0, run="one", until=at(300))
    assert verdict(outlived(on, state(), [], NOW, SKEW), state()) is Verdict.GO
    assert verdict(outlived(on, state(), [busy], NOW, SKEW), state()) is Verdict.HOLD
    dead = replace(busy, until=at(-30))
    assert verdict(outlived(on, state(), [dead], NOW, SKEW), state()) is Verdict.GO
    assert verdict(outlived(on, state(), [replace(dead, until=at(-29))], NOW, SKEW), state()) is Verdict.HOLD


@pytest.mark.parametrize(("before", "present"), [(0, 3), (3, 3), (2, 0)])
def test_notes_say_nothing_where_the_launches_cannot_be_told_apart(before: int, present: int) -> None:
    on = row(owner="hub/ebb-parity/z", owner_launch=before, working_until=at(300))
    assert verdict(outlived(on, state(launch=present), [], NOW, SKEW), state(launch=present)) is Verdict.HOLD


def test_pause_waits_no_longer_than_until() -> None:
    held = verdict_of(row(intent=Intent.PAUSED, until=at(7), reason="deploying"), state(), NOW, SKEW, SETTINGS)
    assert held is not None
    assert held.wait.seconds == 7
    assert "deploying" in held.wait.reason


def test_number_is_handed_on_or_the_next_and_repeats_with_the_opening() -> None:
    assert number_of(row(), state(cycle=8)) == 8
    assert number_of(row(owner=None), state()) == 8
    assert number_of(row(cycle=8, closed_cycle=7), state()) == 8, "the same instance opens its first cycle again"


def test_number_is_not_used_again_when_a_paused_first_cycle_goes_on() -> None:
    paused = checked_in(
        row(owner=None, intent=Intent.PAUSED, closed_cycle=7), state(), Opening(Verdict.HOLD, Wait(5, "")), 300, NOW
    )
    assert paused.owner == MINE
    assert number_of(paused, state()) == 8


def test_number_is_not_used_again_when_others_have_counted_on() -> None:
    assert number_of(row(owner=None, cycle=12), state(cycle=8)) == 13
    assert number_of(row(owner=None, cycle=0), state(cycle=8)) == 8, "the row was lost"


def opened(on: ScheduleRow, of: CycleState, executions: int = 0) -> ScheduleRow:
    """The row after `of` has opened its cycle on it."""
    assert verdict(on, of) is Verdict.GO
    return checked_in(on, of, go(executions, cycle=number_of(on, of)), 300, NOW)


def paused(on: ScheduleRow, of: CycleState) -> ScheduleRow:
    return checked_in(on, of, Opening(Verdict.HOLD, Wait(5, "")), 300, NOW)


LAPSED = row(owner=OTHER, owner_until=at(-31), cycle=9, cycle_for=9, closed_cycle=9)


def test_opening_repeated_by_an_owner_that_regained_the_fence_gets_the_same_number() -> None:
    once = opened(LAPSED, state(cycle=5), executions=3)
    assert (once.owner, once.cycle) == (MINE, 10)
    assert number_of(once, state(cycle=5)) == 10
    assert opened(once, state(cycle=5)).working_until == once.working_until, "its executions may be at work"


def test_opening_that_comes_late_after_the_fence_was_regained_changes_nothing() -> None:
    going = opened(opened(LAPSED, state(cycle=5)), state(cycle=11), executions=3)
    for late in (4, 5, 10):
        found = verdict_of(going, state(cycle=late), NOW, SKEW, SETTINGS)
        assert found is not None
        assert found.verdict is Verdict.END
        assert checked_in(going, state(cycle=late), found, 300, NOW) == going
    assert verdict(going, state(cycle=11)) is Verdict.GO


def test_fence_that_was_regained_in_a_pause_gives_a_number_of_its_own_after_it() -> None:
    held = paused(replace(LAPSED, intent=Intent.PAUSED, owner=None), state(cycle=5))
    assert held.owner == MINE
    resumed = replace(held, intent=Intent.RUNNING)
    assert number_of(resumed, state(cycle=5)) == 10
    assert opened(resumed, state(cycle=5)).cycle == 10


def test_pause_of_an_owner_does_not_count() -> None:
    going = opened(row(), state(cycle=8))
    assert number_of(paused(going, state(cycle=9)), state(cycle=9)) == 9
    assert number_of(paused(going, state(cycle=8)), state(cycle=8)) == 8, "it was given that number before the pause"


def test_row_of_an_earlier_version_counts_as_it_did() -> None:
    assert verdict(row(cycle=8), state(cycle=7)) is Verdict.END
    assert number_of(row(cycle=7), state(cycle=7)) == 7
    assert number_of(row(cycle=7), state(cycle=8)) == 8


def test_check_in_covers_the_work_or_the_wait() -> None:
    working = checked_in(row(), state(), go(3, cycle=8), 300, NOW)
    assert (working.owner_until, working.working_until, working.cycle) == (at(330), at(330), 8)
    idle = checked_in(working, state(), go(0, cycle=9), 300, NOW)
    assert (idle.owner_until, idle.working_until, idle.cycle) == (at(35), None, 9)


@pytest.mark.parametrize("cycle", [None, 7])
def test_row_tells_what_an_instance_may_wait_for(cycle: int | None) -> None:
    """First the opening of a cycle that its state gives the number `cycle`, then its closing."""
    before, of = row(cycle=6, closed_cycle=6, cycle_for=6, owner_launch=2), state(cycle=cycle)
    assert written_at(before, "measuring", cycle) is None
    opened_row = checked_in(before, of, go(2), 60, NOW)
    assert written_at(opened_row, "measuring", cycle) == NOW
    assert written_at(opened_row, "measuring", 8) is None
    assert written_at(opened_row, "processing", 7) is None
    assert written_at(replace(opened_row, launch=4), "measuring", cycle) is None, "it is that of an earlier launch"
    closed_row = rested(entered(opened_row, replace(CLOSED, cycle=7)), of, 7, 5, at(20))
    assert written_at(closed_row, "processing", 7) == at(20)
    assert written_at(closed_row, "waiting", 7) is None


def test_repeated_check_in_does_not_hide_executions_at_work() -> None:
    working = row(working_until=at(300), owner_until=at(300))
    assert checked_in(working, state(cycle=7), go(0), 300, NOW).working_until == at(300)
    held = checked_in(working, state(cycle=7), Opening(Verdict.HOLD, Wait(5, "")), 300, NOW)
    assert (held.working_until, held.owner_until) == (at(300), at(300))


def test_late_check_in_of_an_earlier_cycle_changes_nothing() -> None:
    working = row(working_until=at(300), cycle=9, intent=Intent.STOPPED)
    late = state(cycle=7)
    for intent in Intent:
        on = replace(working, intent=intent)
        opening = verdict_of(on, late, NOW, SKEW, SETTINGS)
        assert opening is not None
        assert checked_in(on, late, opening, 300, NOW) == on


@pytest.mark.parametrize("owner", [None, MINE, LATER])
def test_check_in_of_an_earlier_launch_changes_nothing(owner: str | None) -> None:
    on = row(owner=owner, launch=4)
    opening = verdict_of(on, state(cycle=7), NOW, SKEW, SETTINGS)
    assert opening is not None
    assert checked_in(on, state(cycle=7), opening, 300, NOW) == on


def test_stop_lets_go_of_the_fence_but_not_before_the_executions() -> None:
    on = row(intent=Intent.STOPPED)
    end = Opening(Verdict.END, Wait(0, "stopped"))
    assert checked_in(on, state(cycle=7), end, 300, NOW).owner is None
    busy = checked_in(replace(on, working_until=at(100)), state(cycle=7), end, 300, NOW)
    assert (busy.owner, busy.owner_until) == (MINE, at(100))
    assert replace(on, working_until=at(-1)).released(NOW).owner is None


def test_takeover_from_a_predecessor_waits_with_the_row_as_it_is() -> None:
    on = row(owner="hub/ebb-parity/z", working_until=at(9), starting_until=at(20))
    held = checked_in(on, state(), Opening(Verdict.HOLD, Wait(39, "")), 300, NOW)
    assert held == replace(on, starting_until=None)


def test_end_of_a_pause_makes_the_intent_running() -> None:
    on = row(intent=Intent.PAUSED, until=at(-1), reason="deploying")
    resumed = checked_in(on, state(), go(0, 8), 300, NOW)
    assert (resumed.intent, resumed.until) == (Intent.RUNNING, None)


CLOSED = Cycle(
    cycle=7,
    ended_at="2026-01-01T00:00:00Z",
    executions=(Execution(index=0, started_at="2026-01-01T00:00:00Z"),),
    processed=5,
    failed=1,
    outcome="partlyFailed",
)


def test_trigger_is_taken_up_by_a_cycle_that_knows_of_it_and_goes() -> None:
    on = row(triggered="one")
    assert taken_up(on, go(0), "one").triggered is None
    assert taken_up(on, go(0), None).triggered == "one", "it came after the cycle had looked"
    assert taken_up(on, Opening(Verdict.HOLD, Wait(5, "")), "one").triggered == "one"


def test_closed_cycle_counts_once() -> None:
    once = entered(row(), CLOSED)
    assert (once.totals.cycles, once.totals.processed, once.closed_cycle) == (1, 5, 7)
    assert entered(once, CLOSED) == once
    assert "executions" not in (once.last_cycle or {})


def test_late_close_does_not_hide_executions_of_a_later_cycle() -> None:
    on = row(cycle=8, working_until=at(300))
    assert rested(on, state(), 7, 5, NOW) == on
    assert rested(row(owner=LATER), state(), 7, 5, NOW) == row(owner=LATER)
    assert rested(row(working_until=at(300)), state(), 7, 5, NOW).working_until is None
