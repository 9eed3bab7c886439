"""Executions whose schedule has `perKey`: order, limits and fair shares, on a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from ebb.core.message import Message
from tests.executions import Execution, assert_adds_up
from tests.unit.keys.keyed_work import Work, work


async def test_one_message_of_a_key_at_once_in_their_order_beside_other_keys() -> None:
    run = work()
    run.put("a1 a2 b1 a3 -1 -2")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(2.5)
    assert run.begun == [(0, "a1"), (0, "b1"), (0, "-1"), (0, "-2"), (1, "a2"), (2, "a3")]
    await run.execution.clock.run(60)
    report = await running
    assert (report.processed, report.parked, run.most["a"]) == (6, 0, 1)
    assert_adds_up(report)


async def test_concurrency_and_rate_of_a_key() -> None:
    run = work({"concurrency": 2, "rate": "1/s"}, seconds=5)
    run.put("a1 a2 a3 b1")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(60)
    assert run.begun == [(0, "a1"), (0, "b1"), (1, "a2"), (5, "a3")]
    assert (await running).processed == 4


async def test_flood_of_one_key_does_not_hold_up_another_in_hand() -> None:
    run = work({"concurrency": 4}, concurrency=4, batchSize=32)
    run.put(" ".join([*(f"f{number}" for number in range(20)), "a1"]))
    running = run.execution.start(run.handle)
    await run.execution.clock.run(200)
    assert run.names.index("a1") <= 6
    assert (await running).processed == 21


async def test_weights_share_the_handlers() -> None:
    run = work({"weights": {"v": 3}, "concurrency": 2}, concurrency=2, batchSize=32, executionSlice=120)
    run.put(" ".join(f"a{number} v{number}" for number in range(20)))
    running = run.execution.start(run.handle)
    for _ in range(60):
        await run.execution.clock.run(5)
    assert (await running).processed == 40
    first = Counter(name[0] for name in run.names[:24])
    assert first["v"] >= 14, first


@pytest.mark.parametrize("batch", [2, 4])
async def test_batch_has_no_two_messages_of_a_key(batch: int) -> None:
    batches: list[list[str]] = []

    async def handle(messages: list[Message]) -> None:
        batches.append([str(message.json()["name"]) for message in messages])

    run = work(batch={"size": batch, "wait": 1})
    run.put("a1 a2 b1 c1 b2")
    running = run.execution.start(cast("Any", handle))
    await run.execution.clock.run(30)
    assert (await running).processed == 5
    assert all(len({name[0] for name in names}) == len(names) for names in batches)
    assert [name for names in batches for name in names if name[0] == "a"] == ["a1", "a2"]


async def test_stop_gives_back_what_waits_for_its_key() -> None:
    run = work(seconds=30)
    run.put("a1 a2 a3")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(1)
    run.execution.stop_reason = "stopped by a test"
    await run.execution.clock.run(40)
    report = await running
    assert (report.ended, report.processed, report.released) == ("stopped", 1, 2)
    assert run.execution.visible() == 2


async def test_without_per_key_the_store_is_not_asked() -> None:
    run = Work(Execution())
    run.put("a1 a2 b1")
    running = run.execution.start(run.handle)
    await run.execution.clock.run(10)
    assert (await running).processed == 3
    assert run.store.requests == 0
