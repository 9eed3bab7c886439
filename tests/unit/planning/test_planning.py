"""What a cycle decides, and the sentence it gives: numbers, the limit that bound them, the same words each time."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.core.planning import Decision, executions_wanted, plan, plan_several
from ebb.core.planning.rates import Goal, Rates
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings

NO_PERCENTAGE = ", as the default strategy, because customScalingRunningJobPercentage is not a number"


def settings(**more: Any) -> ScheduleSettings:
    base: dict[str, Any] = {"handler": "a:b", "queueLength": 5, "maxExecutions": 3}
    if "sources" not in more:
        base["source"] = {"type": "memory"}
    return validate_settings({**base, **more})


@pytest.mark.parametrize(
    ("backlog", "more", "expected"),
    [
        (0, {}, Decision(0, "nothing is waiting", None, "empty")),
        (12, {}, Decision(3, "12 messages at 5 each want 3 executions", None, "asWanted")),
        (1, {}, Decision(1, "1 message at 5 each wants 1 execution", None, "asWanted")),
        (
            37,
            {},
            Decision(
                3,
                "37 messages at 5 each want 8 executions, held to 3 by maxExecutions",
                "maxExecutions",
                "heldToMaximum",
            ),
        ),
        (
            4,
            {"activationQueueLength": 4},
            Decision(
                0, "4 messages waiting, not above activationQueueLength 4", "activationQueueLength", "belowActivation"
            ),
        ),
        (
            2,
            {"minExecutions": 2},
            Decision(
                2,
                "2 messages at 5 each want 1 execution, raised to 2 by minExecutions",
                "minExecutions",
                "raisedToMinimum",
            ),
        ),
        (
            0,
            {"minExecutions": 1},
            Decision(
                1, "0 messages waiting; minExecutions keeps 1 execution going", "minExecutions", "raisedToMinimum"
            ),
        ),
        (
            40,
            {"minExecutions": 2},
            Decision(
                3,
                "40 messages at 5 each want 8 executions, held to 3 by maxExecutions",
                "maxExecutions",
                "heldToMaximum",
            ),
        ),
    ],
)
def test_cycle_decides_with_its_reason(backlog: int, more: dict[str, Any], expected: Decision) -> None:
    assert plan(settings(**more), backlog) == expected


@pytest.mark.parametrize("strategy", ["default", "accurate", "eager", "custom"])
def test_strategies_agree_when_nothing_runs(strategy: str) -> None:
    assert plan(settings(scalingStrategy=strategy, customScalingRunningJobPercentage=0.5), 11).executions == 3


def test_queue_of_thirty_with_a_target_of_ten_gives_three() -> None:
    assert plan(settings(queueLength=10, maxExecutions=100), 30).executions == 3


@pytest.mark.parametrize(
    ("strategy", "given", "sentence"),
    [
        ("default", {"running": 1}, "12 messages at 5 each want 3 executions, 1 already run, so 2 start"),
        ("default", {"running": 3}, "12 messages at 5 each want 3 executions, 3 already run, so 0 start"),
        (
            "accurate",
            {"running": 9, "max_executions": 10},
            "12 messages at 5 each want 3 executions, 9 already run of at most 10, so 1 starts",
        ),
        (
            "eager",
            {"running": 9, "max_executions": 10},
            "12 messages at 5 each want 3 executions, 1 of 10 are free, so 1 starts",
        ),
        (
            "custom",
            {"running": 4, "custom_deduction": 1, "custom_percentage": 0.25},
            "12 messages at 5 each want 3 executions, less 1 deducted and 1 for 4 running, so 1 starts",
        ),
        (
            "custom",
            {},
            f"12 messages at 5 each want 3 executions{NO_PERCENTAGE}",
        ),
    ],
)
def test_reason_tells_what_the_strategy_did(strategy: str, given: dict[str, Any], sentence: str) -> None:
    numbers: dict[str, Any] = {"queue_length": 12, "target": 5, "activation": 0, "min_executions": 0}
    decision = executions_wanted(strategy, **{**numbers, "max_executions": 30, **given})
    assert decision.reason == sentence
    assert decision == executions_wanted(strategy, **{**numbers, "max_executions": 30, **given})


def test_target_of_zero_says_why_nothing_starts() -> None:
    decision = executions_wanted("default", queue_length=9, target=0, activation=0, min_executions=0, max_executions=10)
    assert (decision.executions, decision.limited_by) == (0, "queueLength")
    assert decision.reason == "a target of 0 takes no message: nothing starts"


def test_floor_first_says_that_the_backlog_waits() -> None:
    decision = executions_wanted(
        "default", queue_length=90, target=5, activation=0, min_executions=2, max_executions=10
    )
    assert decision.reason == "90 messages waiting; 0 of minExecutions 2 run, the floor comes first"


def drain(backlog: int, rates: Rates | None, **more: Any) -> Decision:
    return plan(settings(scalingStrategy="drainTime", drainTarget=60, maxExecutions=10, **more), backlog, rates)


def test_drain_time_derives_executions_from_the_service_time() -> None:
    decision = drain(100, Rates(message_seconds=3.0))
    assert decision == Decision(5, "100 messages at 3 s each want 5 executions to drain within 60 s", None, "asWanted")


def test_drain_time_counts_what_arrives_meanwhile() -> None:
    decision = drain(100, Rates(message_seconds=3.0, arrivals=1.0))
    assert decision.executions == 8
    assert decision.reason.startswith("100 messages and 60 a minute arriving at 3 s each want 8 executions")


def test_drain_time_says_when_the_target_is_missed_and_what_it_would_take() -> None:
    decision = drain(1000, Rates(message_seconds=3.0))
    assert (decision.executions, decision.limited_by, decision.code) == (10, "maxExecutions", "drainTargetMissed")
    assert decision.reason == (
        "1000 messages at 3 s each want 50 executions to drain within 60 s, held to 10 by maxExecutions: "
        "the target is missed, it takes 5 min"
    )


def test_drain_time_says_when_the_backlog_grows() -> None:
    assert drain(10, Rates(message_seconds=3.0, arrivals=5.0)).reason.endswith(
        "the target is missed, the backlog grows"
    )


def test_drain_time_without_a_measured_service_time_is_the_default() -> None:
    decision = drain(12, None)
    assert decision.executions == 3
    assert decision.reason == "no service time is measured yet: 12 messages at 5 each want 3 executions"
    assert drain(1000, Rates()).reason.endswith("want 200 executions, held to 10 by maxExecutions")


def test_drain_time_keeps_floor_and_activation() -> None:
    rates = Rates(message_seconds=0.001)
    assert drain(100, rates, minExecutions=2).executions == 2
    assert drain(3, rates, activationQueueLength=3).executions == 0
    assert drain(1, rates).executions == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, 4), ({"running": 3}, 1), ({"running": 9}, 0), ({"max_executions": 2}, 2), ({"min_executions": 6}, 6)],
)
def test_drain_time_as_a_plain_number(given: dict[str, Any], expected: int) -> None:
    numbers: dict[str, Any] = {"queue_length": 37, "target": 10, "activation": 0, "min_executions": 0}
    assert executions_wanted("drainTime", **{**numbers, "max_executions": 10, **given}).executions == expected


SEVERAL: list[dict[str, Any]] = [
    {"type": "memory", "queueName": "orders"},
    {"type": "memory", "queueName": "mails", "queueLength": 1, "activationQueueLength": 2},
]


@pytest.mark.parametrize(
    ("calculation", "expected", "sentence"),
    [
        ("max", 5, "orders 21 at 5, mails 7 at 1: max of 2 sources wants 5 executions"),
        ("min", 7, "orders 21 at 5, mails 7 at 1: min of 2 sources wants 7 executions"),
        ("sum", 10, "orders 21 at 5, mails 7 at 1: sum of 2 sources wants 12 executions, held to 10 by maxExecutions"),
        ("avg", 6, "orders 21 at 5, mails 7 at 1: avg of 2 sources wants 6 executions"),
    ],
)
def test_several_sources_are_combined(calculation: str, expected: int, sentence: str) -> None:
    made = settings(sources=SEVERAL, maxExecutions=10, multipleScalersCalculation=calculation)
    decision = plan_several(made, [("orders", 21, 5, 0), ("mails", 7, 1, 2)])
    assert (decision.executions, decision.reason) == (expected, sentence)


def test_several_sources_below_their_activation_do_nothing() -> None:
    decision = plan_several(settings(sources=SEVERAL), [("orders", 0, 5, 0), ("mails", 2, 1, 2)])
    assert decision.executions == 0
    assert decision.reason == "no source is above its activationQueueLength (orders 0 at 5, mails 2 at 1)"


@pytest.mark.parametrize(
    ("goal", "expected", "reason"),
    [
        (
            Goal(40, 24.0),
            10,
            "40 of 60 messages at 6 s each are due in 24 s (drainTarget 2 min) and want 10 executions",
        ),
        (
            Goal(60, 24.0),
            15,
            "60 messages at 6 s each are due in 24 s (drainTarget 2 min) and want 15 executions",
        ),
        (Goal(10, 100.0), 3, "60 messages at 6 s each want 3 executions to drain within 2 min"),
        (Goal(4, -30.0), 4, "4 of 60 messages at 6 s each are 30 s late (drainTarget 2 min) and want 4 executions"),
    ],
)
def test_drain_time_keeps_to_the_goal_that_earlier_cycles_set(goal: Goal, expected: int, reason: str) -> None:
    made = settings(scalingStrategy="drainTime", drainTarget=120, maxExecutions=50)
    decision = plan(made, 60, Rates(message_seconds=6.0), goal)
    assert (decision.executions, decision.reason) == (expected, reason)
