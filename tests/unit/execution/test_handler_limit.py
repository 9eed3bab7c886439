"""The time limit of one call of a handler, and the handlers that outlive it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from ebb.core.errors import SettingsError
from ebb.core.message import Message
from tests.clocks import settle
from tests.executions import Execution, assert_adds_up, sleeping


async def test_coroutine_is_cancelled_at_its_limit_and_counts_as_failed() -> None:
    execution, begun = Execution(handlerTimeout=7, executionSlice=100, visibilityTimeout=60), list[str]()
    execution.put("quick", "one")
    running = execution.start(sleeping(execution, 50, begun))
    await execution.clock.run(6.9)
    assert not running.done()
    await execution.clock.run(5)
    report = await running
    assert (report.processed, report.failed, report.lost, report.ended) == (1, 1, 0, "empty")
    assert report.error == "HandlerTimeoutError: handlerTimeout (7 s) is over"
    assert report.left_behind == ()
    assert_adds_up(report)
    (stored,) = execution.queue.messages.values()
    assert stored.visible_at > execution.clock.now() + timedelta(seconds=50)


async def test_message_whose_handler_always_hangs_is_poisoned_with_that_reason() -> None:
    execution = Execution(handlerTimeout=7, executionSlice=100, maxDequeueCount=1)
    execution.put("one")
    running = execution.start(sleeping(execution, 50, []))
    await execution.clock.run(12)
    assert (await running).poisoned == 1
    (poison,) = execution.queue.poisoned
    assert "handlerTimeout (7 s) is over" in poison.reason


async def test_each_handler_has_its_own_limit_and_others_take_its_place() -> None:
    execution, begun = Execution(handlerTimeout=20, executionSlice=100, concurrency=1, batchSize=1), list[str]()
    execution.put("one", "two", "three")
    running = execution.start(sleeping(execution, 19, begun))
    await execution.clock.run(60)
    report = await running
    assert (report.processed, report.failed, begun) == (3, 0, ["one", "two", "three"])


async def test_coroutine_that_cleans_up_in_time_is_not_abandoned() -> None:
    execution = Execution(handlerTimeout=7, executionSlice=100)
    execution.put("one")

    async def tidy(message: Message) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await execution.clock.sleep(4)

    running = execution.start(tidy)
    await execution.clock.run(12)
    report = await running
    assert (report.failed, report.left_behind) == (1, ())


async def test_coroutine_that_finishes_its_work_when_told_to_end_has_done_it() -> None:
    execution = Execution(handlerTimeout=7, executionSlice=100)
    execution.put("one")

    async def obedient(message: Message) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    running = execution.start(obedient)
    await execution.clock.run(12)
    report = await running
    assert (report.processed, report.failed) == (1, 0)


async def test_coroutine_that_swallows_its_cancellation_is_left_behind_and_counted() -> None:
    execution = Execution(handlerTimeout=7, executionSlice=100, concurrency=1, batchSize=1)
    execution.put("stubborn", "next")
    over, begun = asyncio.Event(), list[str]()

    async def handler(message: Message) -> None:
        begun.append(message.text)
        while message.text == "stubborn" and not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    running = execution.start(handler)
    await execution.clock.run(11.9)
    assert begun == ["stubborn"]
    await execution.clock.run(6)
    report = await running
    assert (begun, report.processed, report.failed) == (["stubborn", "next"], 1, 1)
    assert len(report.left_behind) == 1
    assert_adds_up(report)
    over.set()
    await settle()
    assert report.left_behind[0].done()
    assert report.processed == 1, "what ends too late changes nothing"
    assert len(execution.queue.messages) == 1


async def test_thread_that_hangs_is_left_behind_and_told_when_it_ends() -> None:
    execution = Execution(handlerTimeout=7, executionSlice=100)
    execution.put("hangs", "works")
    let_go, begun = threading.Event(), threading.Event()

    def handler(message: Message) -> None:
        if message.text == "hangs":
            begun.set()
            let_go.wait(10)

    running = execution.start(handler)
    assert await asyncio.to_thread(begun.wait, 10)
    await asyncio.sleep(0.1)  # the other thread is real too
    await execution.clock.run(12)
    report = await running
    assert (report.processed, report.failed) == (1, 1)
    (left,) = report.left_behind
    assert not left.done()
    let_go.set()
    await asyncio.wait_for(left, 10)


async def test_execution_that_is_over_leaves_its_threads_behind_too() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20)
    execution.put("hangs")
    let_go, begun = threading.Event(), threading.Event()

    def handler(message: Message) -> None:
        begun.set()
        let_go.wait(10)

    running = execution.start(handler)
    assert await asyncio.to_thread(begun.wait, 10)
    await execution.clock.run(26)
    report = await running
    assert (report.ended, len(report.left_behind)) == ("timedOut", 1)
    let_go.set()
    await asyncio.wait_for(report.left_behind[0], 10)


@pytest.mark.parametrize(
    ("given", "limit"),
    [({}, 270), ({"replicaTimeout": 1000}, 900), ({"replicaTimeout": 20}, 20), ({"handlerTimeout": 5}, 5)],
)
def test_default_is_below_the_limit_of_the_execution(given: dict[str, float], limit: float) -> None:
    assert Execution(**given).settings.handler_timeout == limit


def test_limit_above_that_of_the_execution_is_refused() -> None:
    with pytest.raises(SettingsError, match="handlerTimeout: 400 must be at most replicaTimeout"):
        Execution(handlerTimeout=400)
