"""A simulated schedule runs after others (`after`) have drained, as the scenario says when they do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ebb.cli.simulate.errors import SimulationError
from ebb.cli.simulate.run import run_scenario
from ebb.cli.simulate.scenario import Scenario
from ebb.core.clock import parse_rfc3339

LOAD: dict[str, Any] = {
    "source": {"type": "storageQueue", "queueName": "load"},
    "after": ["extract", "rates"],
    "pollingInterval": 60,
}


def scenario(*drains: str, **settings: Any) -> Scenario:
    return Scenario("load", {**LOAD, **settings}, ("constant:60/h",), "1", 4 * 3600.0, drains=drains)


def begins_of(told: Scenario) -> list[timedelta]:
    cycles = [cycle for cycle in run_scenario(told).cycles if cycle.executions]
    return sorted(parse_rfc3339(str(cycle.started_at)) - told.start for cycle in cycles)


def test_a_cycle_runs_once_all_others_have_drained() -> None:
    begins = begins_of(scenario("extract=burst:1@1h", "rates=burst:1@2h"))
    drained = [timedelta(hours=hours) for hours in (0, 2, 4)]
    assert len(begins) in (2, 3)
    for begin, drain in zip(begins, drained, strict=False):
        assert timedelta() <= begin - drain <= timedelta(minutes=2), begins


def test_one_that_is_not_told_is_left_out() -> None:
    assert len(begins_of(scenario("extract=burst:1@1h"))) in (4, 5)
    assert len(begins_of(scenario())) > 20


def test_without_a_drain_it_waits() -> None:
    assert begins_of(scenario("extract=none", "rates=burst:1@1h")) == []


@pytest.mark.parametrize(
    ("drains", "settings", "told"),
    [
        ("transform=burst:1@1h", {}, "`after` names extract, rates"),
        ("extract=burst:1@1h", {"after": []}, "it has no `after`"),
        ("burst:1@1h", {}, "write NAME=SPEC"),
        ("extract=sometimes", {}, "'sometimes' is not known"),
    ],
)
def test_what_cannot_be_read_is_told(drains: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SimulationError, match=told):
        run_scenario(scenario(drains, **settings))
