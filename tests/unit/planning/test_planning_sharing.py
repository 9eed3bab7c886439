"""Executions over several sources: by weight, nobody left out, nobody starved."""

from __future__ import annotations

from collections import Counter

from ebb.core.planning.sharing import share_executions


def test_executions_follow_the_weights() -> None:
    assert Counter(share_executions(10, [6.0, 3.0, 1.0], 0)) == {0: 5, 1: 3, 2: 2}


def test_source_without_demand_gets_none() -> None:
    assert share_executions(3, [0.0, 2.0], 0) == (1, 1, 1)


def test_small_source_gets_one_beside_a_large_one() -> None:
    assert Counter(share_executions(10, [1000.0, 0.1], 0)) == {0: 9, 1: 1}


def test_sources_take_turns_when_there_are_too_few_executions() -> None:
    seen = Counter(index for cycle in range(30) for index in share_executions(2, [9.0, 5.0, 0.1], cycle))
    assert seen == {0: 20, 1: 20, 2: 20}


def test_minimum_with_nothing_waiting_goes_to_the_first() -> None:
    assert share_executions(2, [0.0, 0.0], 5) == (0, 0)
