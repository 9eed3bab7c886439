"""What a cycle hands on: exact times, an operator's trigger, the source of each execution, and what was learned."""

from __future__ import annotations

import pytest

from ebb.core.carry import Carry
from ebb.core.cycle import Ending
from ebb.core.decision import Wait
from ebb.core.names import CLOSE_CYCLE, PROCESS_BACKLOG, TRIGGER
from tests.replay.test_eternal import begin, execution, opening

TICK = "2026-01-01T02:00:00.000Z"


def test_wait_for_a_tick_ends_at_the_tick_however_late_it_begins() -> None:
    run = begin()
    run.complete(0, opening(wait=Wait(7200.0, "next tick", until=TICK)), after=90)
    assert run.timers()[-1]["fireAt"] == "2026-01-01T02:00:00.000000Z"
    assert run.reply["customStatus"]["nextCycleAt"] == TICK


def test_tick_that_has_passed_already_begins_the_next_cycle_without_a_timer() -> None:
    run = begin()
    run.complete(0, opening(wait=Wait(1.0, "next tick", until="2026-01-01T00:00:01.000Z")), after=90)
    assert run.timers() == []
    assert run.is_done


@pytest.mark.parametrize(("data", "triggered"), [(TRIGGER, True), (None, False), ("other", False)])
def test_only_a_trigger_runs_a_cycle_that_is_not_due(data: object, triggered: bool) -> None:
    run = begin()
    run.complete(0, opening())
    run.event("nudge", data)
    assert run.is_done
    assert run.next_input["triggered"] is triggered


def test_timer_that_fires_is_no_trigger() -> None:
    run = begin({"schedule": "parity", "triggered": True})
    run.complete(0, opening())
    run.fire()
    assert run.next_input["triggered"] is False


def test_each_execution_is_told_its_source() -> None:
    run = begin()
    run.complete(0, opening(executions=3, shares=(0, 1, 1)))
    assert [run.input_of(number)["source"] for number in run.activities(PROCESS_BACKLOG)] == [0, 1, 1]


def test_what_was_learned_goes_from_opening_to_close_to_the_next_cycle() -> None:
    run = begin()
    opened, closed = Carry(worked=3, due=TICK), Carry(worked=4, message_seconds=0.5)
    run.complete(0, opening(executions=1, carry=opened))
    run.complete(1, execution(0))
    (closing,) = run.activities(CLOSE_CYCLE)
    assert run.input_of(closing)["state"]["carry"] == opened.to_json()
    run.complete(closing, Ending(Wait(5.0, "drained"), carry=closed).to_json())
    run.fire()
    assert run.next_input["carry"] == closed.to_json()


def test_what_was_learned_survives_a_failed_measurement() -> None:
    known = Carry(worked=3).to_json()
    run = begin({"schedule": "parity", "carry": known})
    run.fail(0, "OSError: gone")
    run.fire()
    assert run.next_input["carry"] == known


def test_answers_of_an_older_version_are_followed() -> None:
    run = begin()
    answer = opening(executions=1)
    for name in ("shares", "carry"):
        del answer[name]
    answer["wait"] = {"seconds": 30.0, "reason": "idle"}
    answer["decision"] = {"executions": 1, "reason": "because", "limited_by": None}
    run.complete(0, answer)
    run.complete(1, execution(0))
    run.complete(2, {"wait": {"seconds": 5.0, "reason": "drained"}, "fence_lost": False})
    run.fire()
    assert run.is_done
