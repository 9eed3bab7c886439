"""A replay of poison messages, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import typer

from ebb.cli.operate.replay import per_second
from ebb.core.replay import Replay, Seen, next_step

PLAN = Replay(canary=5, rate=10, stop_on_failures=3, patience=60)


def test_canary_goes_first_and_alone() -> None:
    assert (next_step(PLAN, Seen()).act, next_step(PLAN, Seen()).messages) == ("put", 5)
    assert next_step(PLAN, Seen(put_back=5, settled=3)).act == "wait"
    assert next_step(PLAN, Seen(put_back=5, settled=5, failures=2)).act == "flow"


def test_failures_stop_it_at_any_time() -> None:
    for seen in (Seen(put_back=5, settled=3, failures=3), Seen(put_back=90, settled=80, failures=4, flowing_for=9)):
        step = next_step(PLAN, seen)
        assert (step.act, step.reason) == ("stop", f"{seen.failures} failed since it began (--stop-on-failures)")


def test_rate_is_never_passed_by_more_than_a_second_of_it() -> None:
    seen, put, now = Seen(put_back=5, settled=5, flowing_for=0.0), 0, 0.0
    while now < 30:
        step = next_step(PLAN, replace(seen, flowing_for=now, settled=seen.put_back))
        if step.act == "put":
            put += step.messages
            seen = replace(seen, put_back=seen.put_back + step.messages, flowed=put)
        else:
            assert step.act == "wait"
            now += min(step.seconds, 1)
        assert put <= 10 * now + 10
    assert put >= 290


def test_pause_of_whoever_runs_it_is_not_made_up_in_one_go() -> None:
    step = next_step(PLAN, Seen(put_back=5, settled=5, flowing_for=100.0))
    assert (step.act, step.messages) == ("put", 10)


def test_end_comes_when_nothing_is_left_and_all_was_handled() -> None:
    flowing = Seen(put_back=20, settled=18, exhausted=True, flowing_for=3, flowed=15)
    assert next_step(PLAN, flowing).act == "wait"
    assert next_step(PLAN, replace(flowing, settled=20)).act == "end"
    assert next_step(PLAN, Seen(exhausted=True)).act == "flow"
    assert next_step(PLAN, Seen(exhausted=True, flowing_for=0)).act == "end"


def test_what_another_process_holds_is_waited_for_and_not_for_ever() -> None:
    hidden = Seen(put_back=20, settled=20, flowing_for=3, flowed=15, hidden=2, tried_for=1)
    step = next_step(PLAN, hidden)
    assert (step.act, step.reason) == ("wait", "2 remaining messages are held by another process")
    assert next_step(PLAN, replace(hidden, tried_for=6)).act == "put"
    assert next_step(PLAN, replace(hidden, quiet_for=95, tried_for=6)).act == "stop"
    assert next_step(replace(PLAN, patience=600), replace(hidden, settled=19, quiet_for=95)).act == "wait", "at work"
    assert next_step(PLAN, Seen(put_back=1, settled=1, hidden=4, tried_for=1)).act == "wait", "the canary too"
    assert next_step(PLAN, Seen(put_back=1, settled=1, hidden=4, tried_for=6)).messages == 4


def test_schedule_that_handles_nothing_ends_it() -> None:
    step = next_step(PLAN, Seen(put_back=5, settled=1, quiet_for=61))
    assert (step.act, step.reason) == ("stop", "nothing was handled for 61 s, 4 messages wait")


def test_rates_as_people_write_them() -> None:
    assert [per_second(text) for text in ("10/s", "300/min", "7200/h", "4", 2.5)] == [10, 5, 2, 4, 2.5]
    for wrong in ("fast", "0/s", "-1", "10/day"):
        with pytest.raises(typer.BadParameter):
            per_second(wrong)
