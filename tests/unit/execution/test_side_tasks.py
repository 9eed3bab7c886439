"""What an execution does when one of the tasks beside its work dies: it ends, and says so."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ebb.core.message import Message
from ebb.sources.memory.source import MemorySource
from tests.clocks import SteppedClock
from tests.executions import QUEUE, Execution, assert_adds_up, sleeping


class FaultyClock(SteppedClock):
    """Raises in each sleep of one length, as a defect in one side task would."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self._length = length

    async def sleep(self, seconds: float) -> None:
        if seconds == self._length:
            await super().sleep(1)
            raise RuntimeError("a defect")
        await super().sleep(seconds)


@pytest.mark.parametrize(("length", "name"), [(10, "lease keeper"), (5, "regular look"), (300, "time limit")])
async def test_death_of_a_side_task_ends_the_execution_loudly(
    length: float, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    execution = Execution(visibilityTimeout=60, replicaTimeout=300, concurrency=2, batchSize=4)
    execution.clock = execution.broker.clock = FaultyClock(length)
    execution.put("quick", "one", "two", "three", "four")
    begun = list[str]()
    running = execution.start(sleeping(execution, 50, begun))
    await execution.clock.run(8)
    report = await asyncio.wait_for(running, 5)
    assert (report.ended, begun) == ("failed", ["one", "two"])
    assert report.error is not None
    assert f"the {name} of the execution died (RuntimeError: a defect)" in report.error
    assert (report.processed, report.failed) == (1, 2)
    assert_adds_up(report)
    assert "RuntimeError: a defect" in caplog.text
    assert asyncio.all_tasks() == {asyncio.current_task()}


class UnrenewableSource(MemorySource):
    """Fails in `extend` in a way that no contract speaks of."""

    async def extend(self, message: Message, lease: timedelta) -> None:
        raise ValueError("not what the contract says")


async def test_defect_in_one_renewal_ends_the_execution_too() -> None:
    execution = Execution(visibilityTimeout=12, concurrency=2, executionSlice=100)
    execution.source = UnrenewableSource(execution.broker, QUEUE)
    execution.put("one")
    running = execution.start(sleeping(execution, 60, []))
    await execution.clock.run(20)
    report = await asyncio.wait_for(running, 5)
    assert report.ended == "failed"
    assert "lease keeper of the execution died (ValueError: not what the contract says)" in str(report.error)


async def test_execution_whose_side_tasks_live_is_not_disturbed() -> None:
    execution = Execution(visibilityTimeout=12, executionSlice=100)
    execution.put("one")
    running = execution.start(sleeping(execution, 60, []))
    await execution.clock.run(70)
    report = await running
    assert (report.processed, report.ended) == (1, "empty")
    assert_adds_up(report)
