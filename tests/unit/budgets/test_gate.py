"""Executions whose messages pass a budget's gate: in memory, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from ebb import Message
from ebb.core.budget import BudgetState
from ebb.core.errors import StoreUnavailableError
from ebb.core.remarks import BUDGETS
from ebb.core.settings.budget import BudgetSettings
from ebb.execution.budget_gate import Gate
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.store.memory import MemoryStore
from tests.executions import Execution, assert_adds_up
from tests.unit.retries.test_refusals import of_urllib


class Ground:
    """A queue, and executions of schedules that share one budget."""

    def __init__(self, budget: dict[str, Any], **settings: Any) -> None:
        self.store, self.execution = MemoryStore(), Execution(**{"replicaTimeout": 300, **settings})
        self.budget = BudgetSettings.model_validate({"name": "crm", **budget})
        self.begun, self.at_once, self.most = list[datetime](), 0, 0

    async def handle(self, message: Message) -> None:
        self.begun.append(self.execution.clock.now())
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self.execution.clock.sleep(0.5)
        self.at_once -= 1

    def start(self, holder: str, handler: Any = None) -> asyncio.Task[ExecutionReport]:
        execution = self.execution
        gate = Gate(self.store, self.budget, holder, execution.settings.in_flight, execution.clock)
        return asyncio.create_task(
            run_execution(
                execution.source,
                handler or self.handle,
                execution.settings,
                reason_to_stop=execution.reason_to_stop,
                clock=execution.clock,
                gate=gate,
            )
        )

    async def state(self) -> BudgetState:
        noted = await self.store.remark(BUDGETS, "crm")
        return BudgetState.from_remark(noted.remark if noted else None)


async def test_two_executions_share_one_rate() -> None:
    ground = Ground({"rate": 10}, executionSlice=100)
    ground.execution.put(*map(str, range(100)))
    running = [ground.start("a"), ground.start("b")]
    await ground.execution.clock.run(60)
    reports = await asyncio.gather(*running)
    assert sum(report.processed for report in reports) == 100
    for report in reports:
        assert_adds_up(report)
    begun = sorted(ground.begun)
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            seconds = (begun[last] - begun[first]).total_seconds()
            assert last - first + 1 <= 10 * seconds + 1 + 10
    assert (begun[-1] - begun[0]).total_seconds() < 15, "little of the rate is wasted"


async def test_slots_hold_all_executions_and_are_given_back() -> None:
    ground = Ground({"concurrency": 3})
    ground.execution.put(*map(str, range(30)))
    running = [ground.start(name) for name in "abc"]
    await ground.execution.clock.run(40)
    reports = await asyncio.gather(*running)
    assert sum(report.processed for report in reports) == 30
    assert ground.most <= 3
    assert (await ground.state()).slots == {}


async def test_server_that_refuses_opens_the_breaker_and_one_message_closes_it() -> None:
    ground, refuses = Ground({"rate": 5}, retry={"initial": 1, "jitter": 0}, executionSlice=100), [True]
    ground.execution.put(*map(str, range(12)))
    tried = list[float]()
    began = ground.execution.clock.now()

    async def handler(message: Message) -> None:
        tried.append((ground.execution.clock.now() - began).total_seconds())
        if refuses[0]:
            raise of_urllib(429, {"Retry-After": "20"})

    running = ground.start("a", handler)
    await ground.execution.clock.run(15)
    assert (await ground.state()).is_tripped
    assert max(tried) < 2, "nothing goes while it is open"
    refuses[0] = False
    before = len(tried)
    await ground.execution.clock.run(90)
    report = await running
    assert tried[before] >= 20
    assert not (await ground.state()).is_tripped
    assert report.processed + report.failed + report.released == report.received


async def test_stop_gives_back_what_waits_for_its_budget() -> None:
    ground = Ground({"rate": "6/min"})
    ground.execution.put(*map(str, range(10)))
    running = ground.start("a")
    await ground.execution.clock.run(2)
    ground.execution.stop_reason = "stopped"
    await ground.execution.clock.run(10)
    report = await running
    assert (report.ended, report.processed) == ("stopped", 1)
    assert report.received <= 3, "no more was taken than may pass soon"
    assert_adds_up(report)


async def test_nothing_passes_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground({"rate": 10}, executionSlice=60)
    ground.execution.put("one")
    read = ground.store.remark

    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(ground.store, "remark", away)
    running = ground.start("a")
    await ground.execution.clock.run(10)
    assert ground.begun == []
    monkeypatch.setattr(ground.store, "remark", read)
    await ground.execution.clock.run(10)
    assert (await running).processed == 1


async def test_portions_cost_a_request_or_two_a_second_not_one_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    ground, reads = Ground({"rate": 50}, executionSlice=100, batchSize=32, concurrency=64), [0]
    ground.execution.put(*map(str, range(200)))
    read = ground.store.remark

    async def counted(scope: str, key: str) -> Any:
        reads[0] += 1
        return await read(scope, key)

    monkeypatch.setattr(ground.store, "remark", counted)
    running = ground.start("a")
    await ground.execution.clock.run(60)
    assert (await running).processed == 200
    assert reads[0] <= 20
