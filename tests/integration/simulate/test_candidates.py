"""Changes of settings as the command line writes them, and the cost of what is used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebb.cli.simulate.candidates import candidates_of
from ebb.cli.simulate.costs import MONTH_SECONDS, Prices, Usage, monthly_cost
from ebb.cli.simulate.render import blocks
from ebb.cli.simulate.report import Spread
from ebb.cli.simulate.timeline import average, highest

BASE = {"source": {"type": "tick"}, "maxExecutions": 10}


def test_changes_are_yaml_and_may_hold_commas() -> None:
    windows = "[{days: mon-fri, start: '08:00', end: '18:00'}, {start: '20:00', end: '21:00'}]"
    found = candidates_of(BASE, ["maxExecutions=3"], [f"office: windows={windows}, jitter=5", "minExecutions=1"])
    assert list(found) == ["as is", "office", "minExecutions=1"]
    assert found["as is"] == {**BASE, "maxExecutions": 3}
    assert found["office"]["windows"][1] == {"start": "20:00", "end": "21:00"}
    assert found["office"]["jitter"] == 5
    assert found["minExecutions=1"]["minExecutions"] == 1


def test_setting_inside_another_is_written_with_a_dot() -> None:
    found = candidates_of(BASE, ["source.type=memory", "endAfter.cycles=4"], [])
    assert found["as is"]["source"] == {"type": "memory"}
    assert found["as is"]["endAfter"] == {"cycles": 4}


USAGE = Usage(MONTH_SECONDS, queue_calls=0, table_calls=0, activities=0, timers=0, cycles=0, execution_seconds=0)


def test_idle_host_still_polls_its_queues() -> None:
    cost = monthly_cost(USAGE, Prices())
    assert cost.queue_transactions == pytest.approx(2 * MONTH_SECONDS / 5)
    assert cost.compute == 0


def test_month_like_the_time_that_was_simulated() -> None:
    prices = Prices(poll_seconds=0)
    day = replace(USAGE, seconds=MONTH_SECONDS / 30, queue_calls=100, activities=10, execution_seconds=160)
    cost = monthly_cost(day, prices)
    assert cost.queue_transactions == pytest.approx(30 * (100 + 3 * 2 * 10))
    assert cost.table_transactions == pytest.approx(30 * 2 * 10)
    assert cost.compute == pytest.approx(30 * 160 * 2 / 16 * 0.000026 + 30 * 20 * 0.4 / 1e6)


def test_percentiles_are_values_that_occurred() -> None:
    assert Spread.of(list(range(1, 101))) == Spread(51, 96, 100, 100)
    assert Spread.of([]) == Spread(None, None, None, None)


def test_peaks_survive_in_a_picture_of_few_points() -> None:
    assert highest([0, 1, 2, 3, 9], [0, 7, 1, 2, 5], length=10, bins=5) == [7, 2, 2, 2, 5]
    assert highest([], [], length=10, bins=2) == [0, 0]


def test_bars_reach_from_nothing_to_the_highest() -> None:
    assert blocks([0, 1, 4, 8, 0]) == "·▁▄█·"
    assert blocks([0, 0]) == "··"
    assert blocks([]) == ""


def test_average_of_steps_is_weighted_by_time() -> None:
    assert average([0, 2, 3, 10], [0, 4, 1, 1], length=10, bins=2) == pytest.approx([(4 + 2) / 5, 1.0])
    assert average([0, 0, 4], [2, 3, 0], length=4, bins=4) == pytest.approx([3, 3, 3, 3])
