"""What is learned from executions and backlogs, and carried along."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.carry import Carry
from ebb.core.documents import Execution
from ebb.core.planning.rates import Goal, Rates, blended, observed_arrivals, observed_message_seconds

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def execution(seconds: float, processed: int, service: float | None = None, failed: int = 0) -> Execution:
    return Execution(
        index=0,
        started_at=NOON.isoformat(),
        ended_at=(NOON + timedelta(seconds=seconds)).isoformat(),
        processed=processed,
        failed=failed,
        service_seconds=service or 0.0,
    )


def test_busy_execution_tells_by_its_length() -> None:
    assert observed_message_seconds([execution(30, 60, service=100)], concurrency=4) == pytest.approx(0.5)


def test_idle_slots_do_not_count_as_work() -> None:
    assert observed_message_seconds([execution(30, 1, service=8.0)], concurrency=4) == pytest.approx(2.0)


def test_execution_without_a_service_time_tells_by_length_and_slots() -> None:
    assert observed_message_seconds([execution(10, 2)], concurrency=4) == pytest.approx(2.5)


def test_failed_messages_took_time_too() -> None:
    assert observed_message_seconds([execution(10, 4, failed=6)], concurrency=1) == pytest.approx(1.0)


def test_cycle_that_handled_nothing_tells_nothing() -> None:
    assert observed_message_seconds([execution(10, 0)], concurrency=1) is None
    assert observed_message_seconds([], concurrency=1) is None


def test_arrivals_count_what_was_settled_meanwhile() -> None:
    assert observed_arrivals(before=100, settled=40, now=90, seconds=10) == 3.0
    assert observed_arrivals(before=100, settled=0, now=10, seconds=10) == 0.0
    assert observed_arrivals(before=0, settled=0, now=10, seconds=0) is None


def test_average_moves_towards_what_is_observed() -> None:
    assert blended(None, 4.0, 0.3) == 4.0
    assert blended(2.0, None, 0.3) == 2.0
    assert blended(2.0, 4.0, 0.3) == pytest.approx(2.6)


def test_drain_time_is_infinite_where_more_arrives_than_is_handled() -> None:
    rates = Rates(message_seconds=2.0, arrivals=1.0)
    assert math.isinf(rates.drain_seconds(10, 2))
    assert rates.drain_seconds(10, 4) == pytest.approx(10.0)


def test_carry_learns_over_cycles_and_stays_small() -> None:
    carry = Carry().started(NOON)
    moment = NOON
    for _ in range(200):
        carry = Carry.from_json(carry.measuring(20, moment).working(60, 0.5).to_json())
        moment += timedelta(seconds=30)
    assert carry.arrivals == pytest.approx(2.0, rel=0.01)
    assert carry.message_seconds == 0.5
    assert carry.worked == 200
    assert len(str(carry.to_json())) < 250


@pytest.mark.parametrize("strange", [None, "text", 3, [], {"began": 5, "due": "soon", "worked": -1, "arrivals": True}])
def test_carry_of_another_version_counts_as_nothing(strange: object) -> None:
    assert Carry.from_json(strange) == Carry()


def test_goal_is_kept_until_what_it_was_set_for_is_settled() -> None:
    carry = Carry().measuring(100, NOON).aiming(100, NOON, 120)
    assert carry.goal(NOON) == Goal(100, 120.0)
    later = NOON + timedelta(seconds=50)
    carry = carry.working(60, 1.0).measuring(90, later).aiming(90, later, 120)  # fifty came meanwhile
    assert carry.goal(later) == Goal(40, 70.0)
    last = NOON + timedelta(seconds=100)
    carry = carry.working(45, 1.0).measuring(50, last).aiming(50, last, 120)
    assert carry.goal(last) == Goal(50, 120.0)
    done = carry.working(50, 1.0).measuring(0, last).aiming(0, last, 120)
    assert done.goal(last) is None
