"""The real orchestrator and activities through hours and weeks of schedule, on a clock that is moved by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from ebb.cli.simulate.recording import Recording
from ebb.cli.simulate.run import run
from ebb.cli.simulate.scenario import BEGIN, Scenario
from ebb.core.documents import SourceBacklog
from ebb.core.errors import SettingsError

HOUR, DAY = 3600.0, 86_400.0
TICK: dict[str, Any] = {"source": {"type": "tick"}, "pollingInterval": 3600, "replicaTimeout": 7200}


async def simulated(settings: dict[str, Any], *arrivals: str, **more: Any) -> Recording:
    return await run(Scenario("test", settings, arrivals or ("none",), **more))


def starts(recording: Recording) -> list[str]:
    return [str(cycle.started_at)[11:16] for cycle in recording.cycles]


def overlaps(recording: Recording) -> bool:
    spans = [(cycle.started_at, cycle.ended_at) for cycle in recording.cycles]
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))


def executions(recording: Recording) -> list[int]:
    return [len(cycle.executions) for cycle in recording.cycles]


async def test_half_an_hour_of_work_each_hour_after_completion() -> None:
    seen = await simulated(TICK, service_time="30m", seconds=6 * HOUR)
    assert starts(seen) == ["00:00", "01:30", "03:00", "04:30"]
    assert not overlaps(seen)


@pytest.mark.parametrize("microsecond", [0, 123_456])
async def test_half_an_hour_of_work_each_hour_at_a_fixed_rate(microsecond: int) -> None:
    start = BEGIN.replace(microsecond=microsecond)
    seen = await simulated({**TICK, "waitMode": "fixedRate"}, service_time="30m", seconds=4 * HOUR, start=start)
    assert starts(seen) == ["00:00", "01:00", "02:00", "03:00"]


async def test_work_that_outlasts_its_period_skips_ticks_and_counts_them() -> None:
    seen = await simulated({**TICK, "waitMode": "fixedRate"}, service_time="70m", seconds=7 * HOUR)
    assert starts(seen) == ["00:00", "02:00", "04:00"]
    assert [cycle.wait.missed for cycle in seen.cycles] == [1, 1, 1]
    assert "1 tick passed while the work went on" in seen.cycles[0].wait.reason
    assert not overlaps(seen)


async def test_cron_begins_at_its_first_tick() -> None:
    settings = {**TICK, "waitMode": "cron", "cron": "20 */2 * * *"}
    seen = await simulated(settings, service_time="30m", seconds=7 * HOUR)
    assert starts(seen) == ["00:20", "02:20", "04:20", "06:20"][: len(seen.cycles)]
    assert len(seen.cycles) >= 3


async def test_schedule_ends_after_its_cycles_and_says_why() -> None:
    seen = await simulated({**TICK, "endAfter": "3 cycles"}, service_time="10m", seconds=DAY)
    assert len(seen.cycles) == 3
    assert seen.ended == "endAfter: 3 cycles with work are done"


async def test_schedule_ends_after_its_time() -> None:
    seen = await simulated({**TICK, "endAfter": "05:00:00"}, service_time="10m", seconds=DAY)
    assert len(seen.cycles) == 5
    assert seen.ended == "endAfter: 5 h since its start are over"


async def test_nothing_runs_outside_the_windows() -> None:
    windows = [{"days": "mon-fri", "start": "08:00", "end": "18:00"}]
    friday = BEGIN + timedelta(days=4)
    seen = await simulated({"windows": windows}, "constant:4/h", service_time="30", seconds=4 * DAY, start=friday)
    begins = [datetime.fromisoformat(str(cycle.started_at)) for cycle in seen.cycles]
    assert len(begins) > 40
    assert {begin.weekday() for begin in begins} == {0, 4}
    assert all(begin.weekday() < 5 and 8 <= begin.hour < 18 for begin in begins)
    assert sum(cycle.processed for cycle in seen.cycles) > 350, "those of the weekend too, on Monday"


async def test_one_producer_grows_to_three_executions_and_returns_to_one() -> None:
    settings = {"queueLength": 3, "maxExecutions": 3, "concurrency": 1, "batchSize": 1, "visibilityTimeout": 120}
    seen = await simulated(settings, "uniform:10-60", service_time="60", seconds=4 * HOUR)
    counts = executions(seen)
    grown = counts.index(3)
    assert counts[0] == 1
    assert 1 in counts[grown:]
    assert max(counts) == 3
    assert sum(cycle.failed for cycle in seen.cycles) == 0


async def test_thirty_messages_with_a_target_of_ten_give_three() -> None:
    seen = await simulated({"queueLength": 10}, "burst:30@1d", service_time="5", seconds=HOUR)
    assert executions(seen) == [3]
    assert seen.cycles[0].decision.reason == "30 messages at 10 each want 3 executions"
    assert len(seen.drains) == 1


async def test_drain_goal_is_met_once_the_service_time_is_known() -> None:
    settings = {"scalingStrategy": "drainTime", "drainTarget": 120, "concurrency": 1, "batchSize": 1}
    polling = {"pollingInterval": 30, "maxPollingInterval": 30, "maxExecutions": 50}
    seen = await simulated({**settings, **polling}, "burst:200@1h", service_time="6", seconds=4 * HOUR)
    assert seen.cycles[0].decision.reason.startswith("no service time is measured yet")
    assert len(seen.drains) == 4
    assert max(seen.drains) <= 120 + 30 + 12  # the goal counts from the poll that sees the burst; a message takes 6 s


async def test_several_sources_are_worked_on_by_weight() -> None:
    sources = [{"type": "memory", "queueName": "orders"}, {"type": "memory", "queueName": "mails", "queueLength": 1}]
    settings = {"sources": sources, "multipleScalersCalculation": "sum"}
    seen = await simulated(settings, "orders=burst:40@1d", "mails=burst:5@1d", service_time="1", seconds=HOUR)
    first = seen.cycles[0]
    assert first.decision.reason.startswith("orders 40 at 5, mails 5 at 1: sum of 2 sources wants 13 executions")
    assert [execution.source for execution in first.executions].count("mails") == 4
    assert first.backlog.sources[1] == SourceBacklog(name="mails", count=5)
    assert sum(cycle.processed for cycle in seen.cycles) == 45


LANES: dict[str, Any] = {
    "sources": [{"type": "memory", "queueName": "urgent"}, {"type": "memory", "queueName": "bulk"}],
    "multipleScalersCalculation": "sum",
    "maxExecutions": 4,
    "pollingInterval": 1,
    "concurrency": 1,
    "batchSize": 1,
}
FLOOD = ("urgent=poisson:10/min", "bulk=burst:5000@1d")


async def test_strict_lanes_make_way_for_what_comes_meanwhile() -> None:
    """Bulk fills every slice. An urgent message waits for a look (5 s), for what is in hand, and for the next cycle."""
    none, strict = [
        await simulated({**LANES, "lanes": lanes, "executionSlice": 300}, *FLOOD, service_time="1", seconds=HOUR / 6)
        for lanes in ("none", "strict")
    ]
    assert max(strict.source_waits["urgent"]) <= 20 < 150 < max(none.source_waits["urgent"])
    assert len(strict.source_waits["bulk"]) > 0.7 * len(none.source_waits["bulk"])
    assert any(cycle.decision.reason.endswith("; lanes in order: urgent 1, bulk 3") for cycle in strict.cycles)


async def test_strict_lanes_keep_one_execution_in_four_cycles_for_a_lane_that_would_get_none() -> None:
    flood = ("urgent=burst:5000@1d", "bulk=burst:5000@1d")
    seen = await simulated({**LANES, "lanes": "strict"}, *flood, service_time="1", seconds=HOUR / 6)
    for_bulk = [sum(each.source == "bulk" for each in cycle.executions) for cycle in seen.cycles]
    assert for_bulk[:12] == [0, 0, 0, 1] * 3
    assert "bulk 1 (kept from starving)" in seen.cycles[3].decision.reason


KINDS: list[dict[str, Any]] = [
    {"type": "sqs", "queueName": "orders", "region": "eu-central-1"},
    {"type": "serviceBus", "queueName": "orders"},
    {"type": "serviceBus", "topicName": "news", "subscriptionName": "all"},
    {"type": "kafka", "topic": "clicks", "consumerGroup": "ebb", "bootstrapServers": "b:9092"},
    {"type": "kafka", "topic": "views", "consumerGroup": "ebb", "bootstrapServers": "b:9092"},
    {"type": "eventHub", "eventHubName": "telemetry"},
    {"type": "rabbitMQ", "queueName": "mails"},
    {"type": "blob", "containerName": "scans", "prefix": "in"},
    {"type": "storageQueue", "queueName": "unix-times"},
]


async def test_arrivals_go_to_the_sources_of_several_kinds_by_their_names() -> None:
    names = ["sqs:orders", "serviceBus:orders", "news/all", "clicks", "views", "telemetry", "mails", "scans/in"]
    names.append("unix-times")
    settings = {"sources": KINDS, "multipleScalersCalculation": "sum", "maxExecutions": 100, "queueLength": 1}
    arrivals = [f"{name}=burst:{number}@1d" for number, name in enumerate(names, 1)]
    seen = await simulated(settings, *arrivals, service_time="1", seconds=HOUR)
    first = seen.cycles[0]
    assert first.backlog is not None
    counts = {each.name: each.count for each in first.backlog.sources or ()}
    assert counts == {name: number for number, name in enumerate(names, 1)}
    assert len(first.executions) == 45
    assert sum(cycle.processed for cycle in seen.cycles) == 45


@pytest.mark.parametrize("source", KINDS, ids=[f"{each['type']}-{number}" for number, each in enumerate(KINDS)])
async def test_one_source_of_each_kind_is_drained(source: dict[str, Any]) -> None:
    seen = await simulated({"source": source}, "burst:7@1d", service_time="1", seconds=HOUR)
    assert sum(cycle.processed for cycle in seen.cycles) == 7


async def test_same_seed_gives_the_same_run() -> None:
    one, other = [
        await simulated({"maxExecutions": 3}, "poisson:30/h", service_time="exponential:20", seconds=HOUR)
        for _ in range(2)
    ]
    assert one.cycles == other.cycles
    assert one.samples == other.samples


async def test_four_weeks_of_a_daily_pattern_take_seconds() -> None:
    settings = {"pollingInterval": 900, "maxPollingInterval": 7200}
    seen = await simulated(settings, "daily:40/day@14:00", service_time="exponential:20", seconds=28 * DAY)
    assert seen.arrived > 1000
    assert seen.arrived - sum(cycle.processed for cycle in seen.cycles) <= 5
    assert seen.real_seconds < 30


async def test_settings_that_are_refused_are_refused_before_the_run() -> None:
    with pytest.raises(SettingsError, match="maxExecutions"):
        await simulated({"maxExecutions": 0})
