"""Handlers that fail in a simulation, with `retry`, in batches, and within a budget; on the simulator's own clock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ebb.cli.simulate.compare import compare
from ebb.cli.simulate.costs import Prices
from ebb.cli.simulate.report import SimulationReport
from ebb.cli.simulate.scenario import Scenario
from ebb.core.clock import parse_rfc3339
from ebb.core.documents import Cycle

WORK: dict[str, Any] = {"source": {"type": "memory"}, "pollingInterval": 1, "maxPollingInterval": 2, "queueLength": 16}


def simulated(
    settings: dict[str, Any], count: int, seconds: float = 120, **more: Any
) -> tuple[SimulationReport, list[Cycle]]:
    """The report and the cycles of a run in which so many messages come at once."""
    scenario = Scenario("test", {**WORK, **settings}, (f"burst:{count}@2h",), seconds=seconds, **more)
    (result,) = compare([scenario], Prices())
    return result.report, result.recording.cycles


def drained(report: SimulationReport) -> float:
    """Seconds until the queue was empty."""
    assert report.drain.most is not None
    return report.drain.most


def test_retry_spreads_the_tries_of_what_fails() -> None:
    retry = {"retry": {"initial": 10, "factor": 3, "maximum": 60, "jitter": 0}, "maxDequeueCount": 4}
    report, cycles = simulated(retry, 5, service_time="1", failing=1.0)
    assert (report.processed, report.failed, report.poisoned, report.left) == (0, 15, 5, 0)
    begun = [parse_rfc3339(cycle.started_at) for cycle in cycles]
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(begun)]
    assert [pytest.approx(pause, abs=3) for pause in pauses] == [11, 31, 61], "after a second of work each"


def test_half_of_the_tries_fail_and_all_come_through() -> None:
    retry = {"retry": {"initial": 1, "factor": 2, "maximum": 8}, "maxDequeueCount": 60}
    report, _ = simulated(retry, 60, service_time="0.1", failing=0.5)
    assert (report.processed, report.poisoned, report.left) == (60, 0, 0)
    assert 20 <= report.failed <= 120


def test_call_of_a_batch_takes_its_time_once_and_fails_as_one() -> None:
    batch = {"batch": {"size": 8, "wait": 1}, "maxDequeueCount": 60, "visibilityTimeout": 5}
    report, _ = simulated(batch, 64, service_time="10")
    assert (report.processed, report.budget) == (64, None)
    assert report.execution_seconds < 64 * 10 / 4, "four calls at once, and eight messages in each"
    failing, _ = simulated(batch, 64, service_time="1", failing=0.5)
    assert failing.processed == 64
    assert failing.failed > 0
    assert failing.failed % 8 == 0, "no message fails alone"


def test_budget_holds_the_drain_to_its_rate_and_the_report_says_so() -> None:
    free, _ = simulated({}, 150, service_time="0.1")
    held, cycles = simulated({"budget": {"name": "crm", "rate": "2/s"}}, 150, service_time="0.1")
    assert free.budget is None
    assert drained(free) < 30
    assert drained(held) >= (150 - 2) / 2
    assert (held.processed, held.left) == (150, 0)
    assert held.budget is not None
    assert (held.budget.begun, held.budget.allowed) == (150, 240)
    assert held.budget.held == held.limited["budget crm"] > 0
    assert str(held.budget) == f"crm: 150 of 240 begun, {held.budget.held} cycles held"
    assert "budget crm gives 2 of 2/s" in cycles[0].decision.reason
    assert max(len(cycle.executions) for cycle in cycles) <= 4, "30 s of 2/s are 60 messages"


def test_tries_that_fail_count_against_the_budget_too() -> None:
    settings = {"budget": {"name": "crm", "rate": "5/s"}, "maxDequeueCount": 60, "retry": {"initial": 1, "maximum": 1}}
    report, _ = simulated(settings, 60, service_time="0.1", failing=0.5)
    assert report.budget is not None
    assert report.budget.begun == report.processed + report.failed == 60 + report.failed
    assert drained(report) >= (report.budget.begun - 5) / 5


def test_budget_of_concurrency_alone_allows_no_number() -> None:
    report, _ = simulated({"budget": {"name": "crm", "concurrency": 2}}, 20, service_time="1")
    assert report.processed == 20
    assert report.budget is not None
    assert str(report.budget).startswith("crm: 20 begun, ")
    assert drained(report) >= 10


def test_what_is_left_out_is_said() -> None:
    report, _ = simulated({"after": ["extract"]}, 1)
    told = "after: extract is left out; --drains extract=SPEC says when it has drained"
    assert told in [each.text for each in report.warnings]
