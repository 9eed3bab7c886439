"""A simulation leaves the host out; what it finds is what the real SDK and its replay find on the local host."""

from __future__ import annotations

from typing import Any

import pytest

from ebb.cli.simulate.run import run
from ebb.cli.simulate.scenario import Scenario
from tests.integration.simulate.on_host import run_on_host

QUEUE: dict[str, Any] = {"source": {"type": "storageQueue", "queueName": "mails"}, "queueLength": 4, "concurrency": 2}
TICK: dict[str, Any] = {"source": {"type": "tick"}, "pollingInterval": 3600, "replicaTimeout": 7200}


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("busy", QUEUE, ("poisson:200/h",), "exponential:20", 3 * 3600.0),
        Scenario("bursts", {**QUEUE, "maxExecutions": 3}, ("burst:60@1h",), "15", 3 * 3600.0),
        Scenario("slow", {**QUEUE, "replicaTimeout": 30, "visibilityTimeout": 20}, ("burst:9@2h",), "40", 4 * 3600.0),
        Scenario("ticks", {**TICK, "waitMode": "fixedRate"}, ("none",), "70m", 9 * 3600.0),
        Scenario("cron", {**TICK, "waitMode": "cron", "cron": "15 */2 * * *", "jitter": 60}, ("none",), "5m", 86_400.0),
        Scenario("drain", {**QUEUE, "scalingStrategy": "drainTime", "drainTarget": 120}, ("burst:99@1h",), "9", 7200.0),
    ],
    ids=lambda scenario: scenario.name,
)
async def test_cycles_are_those_of_the_host(scenario: Scenario) -> None:
    simulated, on_host = await run(scenario), await run_on_host(scenario)
    assert len(simulated.cycles) > 1
    assert simulated.cycles == on_host.cycles
    assert simulated.waits == on_host.waits
    assert simulated.drains == on_host.drains
    simulated.calls["table"] -= 1  # it reads the row once more, to say how the schedule ended
    assert simulated.calls == on_host.calls
