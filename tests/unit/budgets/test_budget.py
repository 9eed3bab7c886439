"""What a budget allows: portions of a rate, slots, what is learned from refusals, and the breaker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.core.budget import BudgetState, Grant, accepted, given_back, refused, take
from ebb.core.decision import Decision, Wait
from ebb.core.errors import SettingsError
from ebb.core.planning.budgets import held_by_budget, until_it_opens
from ebb.core.settings.budget import BudgetSettings
from ebb.core.settings.schedules import load_schedules
from ebb.core.settings.validation import validate_settings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RATE = BudgetSettings.model_validate({"name": "crm", "rate": "10/s"})
SLOTS = BudgetSettings.model_validate({"name": "crm", "concurrency": 4})


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def moments(grant: Grant, late: float) -> list[datetime]:
    """When a holder begins its messages: each as late as `late` (0 to 1) of what is left of its portion."""
    assert grant.begins is not None
    end = grant.begins + timedelta(seconds=grant.messages * grant.step)
    due = (grant.begins + timedelta(seconds=each * grant.step) for each in range(grant.messages))
    return [each + (end - each) * late for each in due]


def test_portions_follow_each_other_on_one_line_of_time() -> None:
    state, first = take(RATE, BudgetState(), "a", at(0), 50, 16)
    state, second = take(RATE, state, "b", at(0.1), 3, 16)
    assert (first.messages, first.begins, first.step) == (10, at(0), 0.1)
    assert (second.messages, second.begins) == (3, at(1))
    _, later = take(RATE, state, "a", at(20), 1, 16)
    assert later.begins == at(20), "time that nobody used is not made up"


def test_who_would_wait_too_long_gets_nothing_and_takes_nothing() -> None:
    state = BudgetState(free_from=at(30))
    after, grant = take(RATE, state, "a", at(0), 5, 16)
    assert (grant.messages, grant.again, grant.why) == (0, 20, "its rate is used up")
    assert after.free_from == at(30)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(1, 40), st.floats(0, 1), st.booleans(), st.booleans()), max_size=40
    ),
    st.sampled_from([0.2, 1, 3, 10, 250]),
)
def test_rate_is_never_passed_by_more_than_one_portion(asked: list[Any], rate: float) -> None:
    """Whoever asks, however late each begins its messages, and whoever dies with a portion in its hands."""
    budget = BudgetSettings.model_validate({"name": "crm", "rate": rate})
    state, now, begun = BudgetState(), 0.0, list[float]()
    for pause, messages, late, dies, is_refused in asked:
        now += pause
        state, grant = take(budget, BudgetState.from_remark(state.to_remark()), "any", at(now), messages, 99)
        if grant.messages and not dies:
            begun += [(each - NOON).total_seconds() for each in moments(grant, late)]
        if is_refused:
            state = refused(state, at(now), None)
    begun.sort()
    portion = max(1, int(rate))
    for first, start in enumerate(begun):
        for count, end in enumerate(begun[first:], 1):
            assert count <= rate * (end - start) + 1 + portion + 1e-3


def test_slots_are_shared_and_come_back_from_the_dead() -> None:
    state, a = take(SLOTS, BudgetState(), "a", at(0), 9, 9)
    state, b = take(SLOTS, state, "b", at(0), 9, 9)
    state, c = take(SLOTS, state, "c", at(0), 9, 9)
    state, d = take(SLOTS, state, "d", at(0), 9, 9)
    assert [each.slots for each in (a, b, c, d)] == [2, 1, 1, 0]
    assert (d.why, d.again) == ("all of its slots are in use", 1)
    state, d = take(SLOTS, given_back(state, "b"), "d", at(1), 9, 9)
    assert d.slots == 1
    state, d = take(SLOTS, state, "d", at(30.5), 9, 9)
    assert d.slots == 3, "those of a and c ended: its own, and half of what is free"
    assert sum(each.number for each in state.slots.values()) <= 4


def test_refusals_halve_the_share_once_a_portion_and_time_gives_it_back() -> None:
    state = refused(refused(BudgetState(), at(0), None), at(0.5), None)
    assert state.share_now(at(0.5)) == pytest.approx(0.5, abs=0.02)
    assert refused(state, at(2), None).share == pytest.approx(0.27)
    assert state.share_now(at(25)) == 1.0
    _, grant = take(RATE, state, "a", at(0.5), 50, 16)
    assert grant.messages == 5
    assert grant.step == pytest.approx(0.2, abs=0.01)


def test_breaker_opens_tries_one_and_closes_or_opens_for_longer() -> None:
    state = refused(BudgetState(), at(0), 30)
    assert take(RATE, state, "a", at(10), 5, 5)[1] == Grant(
        again=20, why="the downstream refuses until 2026-01-31T12:00:30.000Z"
    )
    state, probe = take(RATE, state, "a", at(31), 5, 5)
    assert (probe.messages, probe.slots, probe.is_probe) == (1, 1, True)
    assert take(RATE, state, "b", at(31), 5, 5)[1].why == "one message tries whether the downstream takes any again"
    again = refused(state, at(32), None)
    assert (again.open_until, again.probe_until) == (at(32 + 60), None)
    closed = accepted(state)
    assert not closed.is_tripped
    assert take(RATE, closed, "b", at(33), 5, 5)[1].messages == 5
    assert take(RATE, state, "b", at(31 + 61), 5, 5)[1].is_probe, "who tried has died"


def test_refusals_without_a_time_open_it_after_some_in_a_row() -> None:
    state = BudgetState()
    for number in range(5):
        assert not state.is_tripped
        state = refused(state, at(number), None)
    assert state.open_until == at(4 + 5)
    state = BudgetState()
    for number in range(20):
        state = refused(state, at(11 * number), None)
    assert not state.is_tripped, "they are far apart"


def schedule(**more: Any) -> Any:
    source = {"type": "memory"}
    return validate_settings({"source": source, "handler": "h:f", "budget": {"name": "crm", **more}})


def test_decision_is_held_to_what_the_budget_feeds() -> None:
    ten = Decision(10, "50 messages at 5 each want 10 executions", None, "asWanted")
    held = held_by_budget(schedule(concurrency=3), ten, BudgetState(), NOON)
    assert (held.executions, held.limited_by, held.code) == (3, "budget crm", "heldToBudget")
    assert held.reason == f"{ten.reason}, held to 3 executions: budget crm gives 3 of 3 at once"
    half = refused(BudgetState(), NOON, None)
    held = held_by_budget(schedule(rate="6/min"), ten, half, NOON)
    assert held.reason == f"{ten.reason}, held to 1 execution: budget crm gives 0.05 of 0.1/s"
    assert held_by_budget(schedule(rate="10/s"), ten, BudgetState(), NOON) is ten
    assert held_by_budget(schedule(rate="100/s"), ten, half, NOON).reason.endswith("; budget crm gives 50 of 100/s")


def test_open_breaker_pauses_and_half_open_runs_one() -> None:
    ten, state = Decision(10, "50 messages", None, "asWanted"), refused(BudgetState(), NOON, 30)
    held = held_by_budget(schedule(rate=10), ten, state, at(10))
    assert (held.executions, held.limited_by, held.code) == (0, "budget crm", "budgetOpen")
    assert held.reason == "50 messages; budget crm is open: its downstream refuses until 2026-01-31T12:00:30.000Z"
    wait = until_it_opens(held, Wait(300, "idle"), state, at(10))
    assert (wait.seconds, wait.code, wait.reason) == (20, "budgetOpen", "budget crm may be tried again in 20 s")
    one = held_by_budget(schedule(rate=10), ten, state, at(31))
    assert (one.executions, one.code) == (1, "budgetHalfOpen")


TEXT = """
budgets:
  crm: {rate: 10/s, concurrency: 4}
schedules:
  a: {source: {type: tick}, handler: 'h:f', budget: crm}
  b: {source: {type: tick}, handler: 'h:f'}
"""


def test_schedules_name_a_budget_that_stands_once() -> None:
    known = load_schedules(TEXT, "schedules.yaml", {"Ebb__b__budget": "crm"})
    assert known["a"].budget == known["b"].budget
    assert known["a"].budget is not None
    assert (known["a"].budget.rate, known["a"].budget.concurrency) == (10, 4)
    assert validate_settings(known["a"].to_document()).budget == known["a"].budget


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("budget: crm", "budget: crn", ":5: schedules.a.budget: 'crn' is not a budget (did you mean \"crm\"?); known"),
        ("budget: crm", "budget: {rate: 3}", ":5: schedules.a.budget: \"{'rate': 3}\" must be a name under budgets"),
        ("{rate: 10/s, concurrency: 4}", "{}", ":3: budgets.crm.rate: this or concurrency must be given"),
        ("rate: 10/s", "rate: fast", ":3: budgets.crm.rate: 'fast' must be a rate: 10/s"),
        ("rate: 10/s", "rait: 10", ':3: budgets.crm.rait: 10 is not a setting (did you mean "rate"?)'),
        ("{rate: 10/s, concurrency: 4}", "10/s", ":3: budgets.crm: '10/s' must be {rate: 10/s, concurrency: 4}"),
    ],
)
def test_faults_name_line_and_way_out(old: str, new: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_schedules(TEXT.replace(old, new), "schedules.yaml", {})
    assert str(caught.value).startswith(f"schedules.yaml{said}")
