"""Lanes: who gets the executions, what the reason says of it, and for how long a lane may be passed over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebb.core.budget import BudgetState
from ebb.core.carry import Carry
from ebb.core.planning.agenda import Agenda, Count, Now, after_measuring
from ebb.core.planning.lanes import KEPT_EVERY, Lane, Shared, share_by_weight, share_strictly
from ebb.core.settings.validation import validate_settings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # of the machine


TURN = KEPT_EVERY - 1  # cycles since one kept an execution, where this one has to


def strictly(executions: int, *needs: int, memory: tuple[float, ...] = ()) -> Shared:
    return share_strictly(executions, [Lane(f"lane{place}", need) for place, need in enumerate(needs)], memory)


def by_weight(executions: int, *lanes: tuple[int, float], memory: tuple[float, ...] = ()) -> Shared:
    return share_by_weight(executions, [Lane(f"lane{place}", *each) for place, each in enumerate(lanes)], memory)


@pytest.mark.parametrize(
    ("executions", "needs", "granted"),
    [
        (10, (4, 100), (4, 6)),
        (10, (100, 100), (10, 0)),
        (10, (0, 3, 100), (0, 3, 7)),
        (5, (1, 1), (4, 1)),  # more than all need
        (2, (0, 0), (2, 0)),  # minExecutions
    ],
)
def test_strict_lanes_get_what_they_need_in_their_order(
    executions: int, needs: tuple[int, ...], granted: tuple[int, ...]
) -> None:
    assert strictly(executions, *needs).granted == granted


def test_one_of_some_cycles_keeps_an_execution_for_the_lane_that_was_passed_over_longest() -> None:
    shared = strictly(10, 100, 100, 100, memory=(0, 2, 3, TURN))
    assert (shared.granted, shared.kept, shared.memory) == ((9, 0, 1), 2, (0, 3, 0, 0))
    assert strictly(1, 5, 5, memory=(0, 1, TURN)).granted == (0, 1)
    assert strictly(1, 5, 5, memory=(0, 9, TURN - 1)).memory == (0, 10, TURN)


def test_nothing_is_kept_for_a_lane_that_has_an_execution_anyway() -> None:
    assert strictly(10, 4, 100, memory=(0, 3, TURN)).kept is None


def test_weights_divide_what_all_lanes_want() -> None:
    assert by_weight(10, (100, 4), (100, 1)).granted == (8, 2)
    assert by_weight(6, (100, 3), (100, 2), (100, 1)).granted == (3, 2, 1)


def test_what_a_lane_does_not_need_others_get() -> None:
    assert by_weight(10, (2, 9), (100, 1)).granted == (2, 8)
    assert by_weight(10, (0, 9), (100, 1)).granted == (0, 10)
    assert by_weight(10, (2, 1), (3, 1)).granted == (5, 5)  # more than all need


def test_weights_hold_over_cycles_of_one_execution() -> None:
    memory: tuple[float, ...] = ()
    got = [0, 0]
    for _ in range(50):
        shared = by_weight(1, (9, 4), (9, 1), memory=memory)
        got = [sum(each) for each in zip(got, shared.granted, strict=True)]
        memory = shared.memory
    assert got == [40, 10]


def test_what_other_weights_left_behind_starves_nobody() -> None:
    assert by_weight(3, (9, 1), (9, 1), memory=(1e9, 0)).granted == (1, 2)
    assert by_weight(3, (9, 1), (9, 1), memory=(0, 0, 7)).granted == (2, 1)  # another number of sources


needs_of_cycles = st.integers(2, 5).flatmap(
    lambda lanes: st.lists(
        st.tuples(st.integers(1, 6), st.lists(st.integers(0, 8), min_size=lanes, max_size=lanes)),
        min_size=20,
        max_size=40,
    )
)


@AT_ANY_SPEED
@given(needs_of_cycles, st.integers(0, 4), st.integers(0, 9))
def test_no_lane_that_waits_is_passed_over_longer_than_promised(
    cycles: list[tuple[int, list[int]]], watched: int, began: int
) -> None:
    lanes = len(cycles[0][1])
    watched %= lanes
    promised, without, memory = KEPT_EVERY * (lanes - 1), 0, tuple[float, ...]()
    for number, (executions, needs) in enumerate(cycles):
        if number >= began:  # it waits from here on
            needs[watched] = max(needs[watched], 1)
        shared = strictly(executions, *needs, memory=memory)
        assert sum(shared.granted) == executions
        assert all(given >= 0 for given in shared.granted)
        memory = shared.memory
        without = 0 if shared.granted[watched] or not needs[watched] else without + 1
        assert without < promised


@AT_ANY_SPEED
@given(st.integers(1, 40), st.lists(st.integers(0, 30), min_size=2, max_size=6), st.integers(0, TURN))
def test_strict_lanes_lose_at_most_the_one_execution_that_is_kept(
    executions: int, needs: list[int], since: int
) -> None:
    shared, left = strictly(executions, *needs, memory=(*(0,) * len(needs), since)), executions
    for place, (given_, need) in enumerate(zip(shared.granted, needs, strict=True)):
        if place != shared.kept:
            assert given_ >= min(need, left) - (shared.kept is not None)
        left -= given_
    assert shared.kept is None or since == TURN


weights = st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 7.0, 10.0])


@AT_ANY_SPEED
@given(st.data(), st.lists(weights, min_size=2, max_size=5))
def test_a_lane_that_waits_has_its_share_of_the_executions(data: st.DataObject, weights: list[float]) -> None:
    """The bound of the module's first lines, whatever the other lanes do meanwhile."""
    watched = data.draw(st.integers(0, len(weights) - 1))
    own = weights[watched]
    promised = 1 + sum(int(other / own) + 1 for place, other in enumerate(weights) if place != watched)
    without, memory = 0, tuple[float, ...]()
    needs_drawn = st.lists(st.integers(0, 9), min_size=len(weights), max_size=len(weights))
    for executions, needs in data.draw(st.lists(st.tuples(st.integers(1, 6), needs_drawn), min_size=10, max_size=30)):
        needs[watched] = max(needs[watched], 1)
        shared = by_weight(executions, *zip(needs, weights, strict=True), memory=memory)
        assert sum(shared.granted) == executions
        memory, without = shared.memory, 0 if shared.granted[watched] else without + executions
        assert without < promised


TWO: list[dict[str, Any]] = [{"type": "memory", "queueName": "urgent"}, {"type": "memory", "queueName": "bulk"}]
WEIGHTED = [{**TWO[0], "weight": 4}, TWO[1]]


def agenda(carry: Carry, *counts: Count, **given_: Any) -> Agenda:
    base = {"handler": "a:b", "sources": TWO, "lanes": "strict", "multipleScalersCalculation": "sum"}
    return after_measuring(validate_settings({**base, **given_}), carry, Now(NOON), counts)


def test_the_reason_says_who_got_what_and_why() -> None:
    found = agenda(Carry(lanes={"strict": (0, 3, TURN)}), Count(500), Count(500))
    assert found.shares == (0,) * 9 + (1,)
    assert found.decision.reason.endswith("; lanes in order: urgent 9, bulk 1 (kept from starving)")
    waits = agenda(Carry(), Count(500), Count(500))
    assert waits.decision.reason.endswith("; lanes in order: urgent 10, bulk 0 (waits)")
    assert agenda(Carry(), Count(0), Count(6)).decision.reason.endswith("; lanes in order: bulk 2")
    weighted = agenda(Carry(), Count(500), Count(500), lanes="weighted", sources=WEIGHTED)
    assert weighted.decision.reason.endswith("; lanes by weight 4:1: urgent 8, bulk 2")


def test_lanes_remember_from_cycle_to_cycle() -> None:
    carry, kept = Carry(), list[int]()
    for cycle in range(9):
        found = agenda(carry, Count(500), Count(500), maxExecutions=1)
        kept += [cycle] if found.shares == (1,) else []
        carry = Carry.from_json(json.loads(json.dumps(found.carry.to_json())))
    assert kept == [3, 7]
    assert carry.lanes == {"strict": (0.0, 1.0, 1.0)}


def test_memory_of_lanes_goes_with_them() -> None:
    carry = Carry(lanes={"strict": (0.0, 3.0, 2.0)})
    assert agenda(carry, Count(500), Count(500), lanes="none").carry.lanes is None
    assert agenda(carry, Count(0), Count(0)).carry.lanes == carry.lanes
    assert agenda(carry, Count(500), Count(500), lanes="weighted").carry.lanes in (None, {"weighted": (0.0, 0.0)})
    assert Carry.from_json({"lanes": "x"}).lanes is None
    assert Carry.from_json({"lanes": {"strict": [1, "x"], "more": 2}}).lanes == {"strict": (1.0, 0.0)}


def test_a_lane_gets_no_more_than_its_partitions_and_what_is_left_goes_on() -> None:
    found = agenda(Carry(), Count(100, partitions=2), Count(100))
    assert found.shares == (0, 0, *(1,) * 8)
    assert found.decision.limited_by == "maxExecutions"


def test_a_budget_leaves_the_first_executions_to_the_first_lane() -> None:
    state = BudgetState(open_until=NOON - timedelta(seconds=1))
    base = {"handler": "a:b", "sources": TWO, "lanes": "strict", "budget": {"name": "crm", "concurrency": 9}}
    found = after_measuring(validate_settings(base), Carry(), Now(NOON, budget=state), [Count(4), Count(500)])
    assert (found.shares, found.decision.code) == ((0,), "budgetHalfOpen")


@pytest.mark.parametrize("lanes", ["none", "strict", "weighted"])
def test_a_budget_starves_no_lane(lanes: str) -> None:
    state = BudgetState(open_until=NOON - timedelta(seconds=1))
    base = {"handler": "a:b", "sources": TWO, "lanes": lanes, "budget": {"name": "crm", "concurrency": 9}}
    carry, seen = Carry(), set[int]()
    for cycle in range(8):
        now = Now(NOON, cycle=cycle, budget=state)
        found = after_measuring(validate_settings(base), carry, now, [Count(500), Count(500)])
        carry, seen = found.carry, seen | {*found.shares}
    assert seen == {0, 1}
