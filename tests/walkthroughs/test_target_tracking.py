"""What the reader of the tutorial on target tracking sees: with a queue in memory in the place of SQS."""

from __future__ import annotations

import json

from tests.integration.control.hub import Hub, eventually, schedules
from tests.walkthroughs.conftest import Ebb

SETTINGS = (
    "queueLength=3",
    "maxExecutions=3",
    "concurrency=1",
    "batchSize=1",
    "executionSlice=30",
    "pollingInterval=10",
)


def test_two_hours_of_the_producer_go_up_and_down_step_by_step(ebb: Ebb) -> None:
    changes = [part for setting in SETTINGS for part in ("--set", setting)]
    producer = ("--arrivals", "uniform:10-60", "--service-time", "60", "--for", "2h", "--json")
    (one,) = json.loads(ebb("simulate", "--schedule", "parity", *producer, *changes))["value"]
    decided = [cycle["decision"]["executions"] for cycle in one["busyCycles"]]
    assert set(decided) == {1, 2, 3}
    assert max(one["overTime"]["waiting"]) > 3, "the backlog grows beyond the target"
    assert one["most_executions"] == 3
    for cycle in one["busyCycles"]:
        assert cycle["decision"]["executions"] == min(3, -(-cycle["backlog"] // 3)), cycle["decision"]["reason"]
    assert one["left"] <= 8, "it keeps up"
    assert one["failed"] == one["timed_out"] == 0


async def test_backlog_is_drained_with_fewer_executions_as_it_falls() -> None:
    one_at_a_time = {"concurrency": 1, "batchSize": 1, "executionSlice": 0.5, "pollingInterval": 1}
    async with Hub(schedules(queueLength=3, maxExecutions=3, **one_at_a_time)) as hub:
        hub.put(*[0.3] * 12)
        await hub.post("start")

        async def drained() -> bool:
            document = await hub.schedule()
            return document["totals"]["processed"] == 12 and document["phase"] == "waiting"

        await eventually(drained, lambda: "the queue was not drained", 30)
        _, page, _ = await hub.call("GET", "schedules/parity/cycles")
    decided = [cycle["decision"]["executions"] for cycle in reversed(page["value"])]
    assert decided[0] == 3
    assert decided[-1] == 1
    assert decided == sorted(decided, reverse=True)
    assert "12 messages at 3 each want 4 executions" in page["value"][-1]["decision"]["reason"]
