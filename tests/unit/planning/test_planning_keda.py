"""KEDA's numbers for KEDA's inputs: strategies, bounds, several triggers, and the traps that are kept."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.planning import executions_wanted
from ebb.core.planning.keda import Bounds, Custom, Demand, combine_backlogs, executions_to_start


def wanted(strategy: str = "default", **given: Any) -> int:
    defaults: dict[str, Any] = {
        "queue_length": 0,
        "target": 1,
        "activation": 0,
        "min_executions": 0,
        "max_executions": 10,
    }
    return executions_wanted(strategy, **{**defaults, **given}).executions


@pytest.mark.parametrize(
    ("backlog", "target", "maximum", "expected"),
    [
        (30, 10, 100, 3),
        (31, 10, 100, 4),
        (0, 10, 100, 0),
        (1, 10, 100, 1),
        (37, 5, 3, 3),
        (1000, 1, 100, 100),
        (3, 0.5, 100, 3),  # six are asked for, but never more than one per message
        (7, 0, 100, 0),  # a target of 0 takes nothing
        (-5, 1, 100, 0),
        (float("nan"), 1, 100, 0),
        (float("inf"), 1, 100, 0),
    ],
)
def test_default_with_nothing_running(backlog: float, target: float, maximum: int, expected: int) -> None:
    assert wanted(queue_length=backlog, target=target, max_executions=maximum) == expected


@pytest.mark.parametrize(
    ("strategy", "given", "expected"),
    [
        ("default", {"queue_length": 10, "running": 4}, 6),
        ("default", {"queue_length": 3, "running": 4}, 0),
        ("default", {"queue_length": 20, "running": 4}, 6),
        ("default", {"queue_length": 10, "running": 4, "pending": 4}, 6),  # pending is not used
        ("accurate", {"queue_length": 3, "running": 4}, 3),
        ("accurate", {"queue_length": 10, "running": 4}, 6),
        ("accurate", {"queue_length": 3, "running": 4, "pending": 2}, 1),
        ("accurate", {"queue_length": 8, "running": 4, "pending": 2}, 6),
        ("accurate", {"queue_length": 9, "running": 4, "pending": 2}, 6),  # the cap: 9 + 4 - 2 > 10
        ("accurate", {"queue_length": 1, "running": 4, "pending": 2}, 0),
        ("eager", {"queue_length": 3}, 3),
        ("eager", {"queue_length": 20, "running": 4, "pending": 2}, 4),  # pending ones take two slots
        ("eager", {"queue_length": 2, "target": 0.5}, 4),  # scaleTo is the maximum: alone may exceed the backlog
        ("eager", {"queue_length": 20, "running": 10}, 0),
        ("custom", {"queue_length": 9, "running": 4, "custom_deduction": 1, "custom_percentage": 0.5}, 6),
        ("custom", {"queue_length": 9, "running": 3, "custom_percentage": "0.5"}, 8),  # truncated, not rounded
        ("custom", {"queue_length": 20, "running": 9, "custom_percentage": 0}, 10),  # passes the maximum in total
        ("custom", {"queue_length": 9, "running": 4, "custom_deduction": 2}, 5),  # no percentage: default, no deduction
        ("custom", {"queue_length": 9, "running": 4, "custom_deduction": 2, "custom_percentage": "half"}, 5),
        ("custom", {"queue_length": 5, "custom_deduction": -9, "custom_percentage": 1}, 5),  # at most one per message
        ("custom", {"queue_length": 2, "custom_deduction": 5, "custom_percentage": 1}, 0),
    ],
)
def test_strategies_with_executions_running(strategy: str, given: dict[str, Any], expected: int) -> None:
    assert wanted(strategy, **given) == expected


def test_eager_counts_messages_in_work_again() -> None:
    assert wanted("eager", queue_length=6, max_executions=9) == 6
    assert wanted("eager", queue_length=6, max_executions=9, running=6) == 3


@pytest.mark.parametrize(
    ("minimum", "maximum", "expected"),
    [
        (0, 10, Bounds(0, 10)),
        (2, 10, Bounds(2, 8)),
        (12, 10, Bounds(10, 10)),
        (10, 10, Bounds(10, 0)),
        (None, 5, Bounds(0, 5)),
        (3, None, Bounds(3, 100)),
        (None, None, Bounds(0, 100)),
    ],
)
def test_effective_bounds(minimum: int | None, maximum: int | None, expected: Bounds) -> None:
    assert Bounds.of(minimum, maximum) == expected


@pytest.mark.parametrize(
    ("running", "backlog", "expected"),
    [
        (0, 100, 2),  # the floor first; the backlog is ignored until it runs
        (1, 100, 1),
        (2, 100, 3),  # then the demand on top, up to maximum less minimum
        (2, 1, 1),
        (4, 1, 0),
        (5, 100, 0),
    ],
)
def test_floor_comes_before_the_backlog(running: int, backlog: int, expected: int) -> None:
    assert wanted(queue_length=backlog, min_executions=2, max_executions=5, running=running) == expected


def test_floor_is_kept_with_an_empty_queue_and_a_minimum_above_the_maximum() -> None:
    assert wanted(min_executions=2) == 2
    assert wanted(min_executions=20, max_executions=4) == 4
    assert wanted(min_executions=2, running=2) == 0


@pytest.mark.parametrize(("backlog", "expected"), [(50, 0), (51, 6)])
def test_activation_is_strictly_greater(backlog: int, expected: int) -> None:
    assert wanted(queue_length=backlog, target=10, activation=50) == expected


# backlog, activation, minimum, running: an inactive trigger asks for nothing, whatever the minimum keeps active
INACTIVE = [
    (40, 50, 2, 2, 0),
    (40, 50, 2, 3, 0),
    (50, 50, 2, 2, 0),
    (40, 50, 2, 0, 2),  # the floor comes first
    (40, 50, 2, 1, 1),
    (40, 50, 0, 0, 0),
    (51, 50, 2, 2, 8),
    (0, 0, 2, 2, 0),
    (1, 0, 2, 2, 1),
]


@pytest.mark.parametrize("strategy", ["default", "custom", "accurate", "eager"])
@pytest.mark.parametrize(("backlog", "activation", "minimum", "running", "expected"), INACTIVE)
def test_inactive_trigger_starts_nothing_above_the_minimum(
    strategy: str, backlog: int, activation: int, minimum: int, running: int, expected: int
) -> None:
    given = {"queue_length": backlog, "activation": activation, "min_executions": minimum, "running": running}
    assert wanted(strategy, custom_deduction=0, custom_percentage="1", **given) == expected


def test_activation_gates_while_others_run() -> None:
    assert wanted(queue_length=5, activation=5, running=3) == 0
    assert wanted("accurate", queue_length=6, activation=5, running=3) == 6


def test_unknown_strategy_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'exact'; known are default, custom, accurate, eager, drainTime"):
        wanted("exact")


def demands(*pairs: tuple[float, float], maximum: int = 100) -> list[Demand]:
    return [Demand.of(backlog, target, 0, maximum) for backlog, target in pairs]


@pytest.mark.parametrize(
    ("calculation", "pairs", "expected"),
    [
        ("max", [(100, 100), (5, 1)], (100, 1)),  # by backlog, not by demand
        ("max", [(5, 1), (5, 5)], (5, 5)),  # of equal ones the first
        ("min", [(8, 2), (3, 1)], (3, 3)),
        ("avg", [(8, 2), (4, 2)], (6, 3)),
        ("sum", [(1, 3), (1, 3), (1, 3)], (3, 1)),  # rounded once, after combining
        ("sum", [(8, 2), (0, 2)], (8, 4)),
        ("avg", [(8, 2), (0, 2)], (8, 4)),  # an inactive one does not count
        ("other", [(8, 2), (9, 3)], (9, 3)),
    ],
)
def test_combined_backlogs(calculation: str, pairs: list[tuple[float, float]], expected: tuple[float, float]) -> None:
    combined = combine_backlogs(calculation, demands(*pairs))
    assert (combined.queue_length, combined.executions) == pytest.approx(expected)


@pytest.mark.parametrize(("calculation", "expected"), [("max", 9.0), ("min", 0.0), ("avg", 4.0), ("sum", 12.0)])
def test_plain_numbers_are_combined_as_backlogs_of_active_sources(calculation: str, expected: float) -> None:
    assert combine_backlogs(calculation, [3, 9, 0]) == expected


def test_min_of_a_zero_depends_on_the_order() -> None:
    zero, five = Demand(0, 0, active=True), Demand(5, 5, active=True)
    assert combine_backlogs("min", [zero, five]) == five
    assert combine_backlogs("min", [five, zero]) == zero


def test_max_of_active_zeros_is_inactive() -> None:
    assert not combine_backlogs("max", [Demand(0, 0, active=True)]).active
    assert combine_backlogs("sum", [Demand(0, 0, active=True)]).active
    assert not combine_backlogs("sum", [Demand(3, 3, active=False)]).active


def test_sum_is_capped_again_after_combining() -> None:
    combined = combine_backlogs("sum", demands((50, 1), (50, 1), maximum=8))
    assert combined.executions == 16
    assert executions_to_start("default", combined, Bounds(0, 8)) == 8


def test_three_thirds_are_one_execution() -> None:
    combined = combine_backlogs("sum", demands((1, 3), (1, 3), (1, 3)))
    assert executions_to_start("default", combined, Bounds(0, 10), custom=Custom()) == 1


@pytest.mark.parametrize(
    ("strategy", "most", "running", "pending", "maximum", "expected"),
    [
        ("default", 3, 2, 0, 5, 1),
        ("default", 2, 0, 0, 5, 2),
        ("accurate", 3, 2, 0, 5, 3),
        ("accurate", 5, 2, 0, 5, 3),
        ("accurate", 3, 4, 2, 10, 1),
        ("accurate", 5, 4, 2, 5, 1),
        ("accurate", 3, 3, 3, 5, 0),
        ("accurate", 15, 15, 15, 20, 0),
        ("accurate", 10, 10, 10, 15, 0),
        ("accurate", 20, 15, 10, 20, 5),
        ("eager", 4, 3, 0, 10, 4),
        ("eager", 4, 0, 3, 10, 4),
        ("eager", 4, 7, 0, 10, 3),
        ("eager", 4, 1, 6, 10, 3),
        ("eager", 15, 0, 0, 10, 10),
    ],
)
def test_numbers_that_keda_itself_asserts(
    strategy: str, most: int, running: int, pending: int, maximum: int, expected: int
) -> None:
    demand = Demand(queue_length=1000, executions=most)
    assert executions_to_start(strategy, demand, Bounds(0, maximum), running, pending) == expected


@pytest.mark.parametrize(
    ("deduction", "percentage", "most", "running", "maximum", "expected"),
    [
        (1, "0.5", 3, 2, 5, 1),
        (1, "0.5", 10, 0, 10, 9),
        (None, "", 3, 2, 5, 1),
        (1, "", 2, 0, 5, 2),
        (2, "0", 3, 2, 5, 1),
        (-2, "0", 3, 2, 4, 4),
        (None, "0.5", 3, 2, 5, 2),
        (None, "0.5", 10, 0, 10, 10),
    ],
)
def test_custom_numbers_that_keda_itself_asserts(
    deduction: int | None, percentage: str, most: int, running: int, maximum: int, expected: int
) -> None:
    custom, demand = Custom.of(deduction, percentage), Demand(queue_length=1000, executions=most)
    assert executions_to_start("custom", demand, Bounds(0, maximum), running, custom=custom) == expected
