"""A clock that is set is noticed, and one execution does not notice it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ebb.core import clock as clock_module
from ebb.core.clock import SteadyClock, SystemClock, steady
from ebb.core.clock_steps import ClockSteps
from tests.clocks import SteppedClock


def test_step_is_told_once_and_time_that_passes_is_none() -> None:
    wall, reference = SteppedClock(), SteppedClock()
    steps = ClockSteps(wall, reference)
    assert steps.look() == timedelta()
    for passing in (wall, reference):
        passing.step(300)
    assert steps.look() == timedelta()
    wall._now -= timedelta(seconds=60)
    assert steps.look() == timedelta(seconds=-60)
    assert steps.look() == timedelta()
    wall._now += timedelta(seconds=10)
    assert steps.look() == timedelta(seconds=10)


def test_clock_that_creeps_is_left_alone() -> None:
    wall, reference = SteppedClock(), SteppedClock()
    steps = ClockSteps(wall, reference)
    wall.step(0.5)
    assert steps.look() == timedelta()


def test_execution_has_a_clock_that_nobody_sets(monkeypatch: object) -> None:
    made = steady(SystemClock())
    assert isinstance(made, SteadyClock)
    before = made.now()
    real = clock_module.datetime

    class SetBack(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return real.now(UTC) - timedelta(hours=1)

    monkeypatch.setattr(clock_module, "datetime", SetBack)
    assert timedelta() <= made.now() - before < timedelta(seconds=5)
    assert SystemClock().now() < before
    stepped = SteppedClock()
    assert steady(stepped) is stepped
