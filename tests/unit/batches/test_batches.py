"""Executions whose handler gets several messages at once, on the in-memory source and a clock that the test moves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import timedelta
from typing import Any, cast

import pytest

from ebb import Message, PoisonMessage, RetryAfter
from ebb.execution.execution import run_execution
from ebb.execution.suspicion import NoSuspicion
from tests.clocks import settle
from tests.executions import Execution, assert_adds_up

Batches = list[list[str]]


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def batched(size: int, wait: float = 1, **settings: Any) -> Execution:
    return Execution(batch={"size": size, "wait": wait}, **settings)


async def ended(execution: Execution, handler: Any, seconds: float = 60) -> Any:
    """The report of an execution that needs its clock moved."""
    running = execution.start(handler)
    for _ in range(int(seconds * 4)):
        if running.done():
            break
        await execution.clock.run(0.25)
    return await running


@pytest.mark.parametrize("is_async", [True, False], ids=["async", "plain"])
async def test_handler_gets_full_batches_and_the_rest_after_the_wait(is_async: bool) -> None:
    execution, seen = batched(10, concurrency=1), Batches()
    execution.put(*map(str, range(25)))

    def plain(messages: list[Message]) -> None:
        assert threading.current_thread() is not threading.main_thread()
        seen.append(texts(messages))

    async def later(messages: list[Message]) -> None:
        seen.append(texts(messages))

    report = await ended_really(execution, later if is_async else plain)
    assert [len(batch) for batch in seen] == [10, 10, 5]
    assert sorted(int(text) for batch in seen for text in batch) == list(range(25))
    assert (report.processed, report.ended) == (25, "empty")
    assert_adds_up(report)


async def ended_really(execution: Execution, handler: Any) -> Any:
    """As `ended`, with time for threads."""
    running = execution.start(handler)
    for _ in range(2000):
        if running.done():
            break
        await asyncio.sleep(0.002)
        await execution.clock.run(0.05)
    return await running


async def test_each_message_has_its_own_outcome() -> None:
    execution = batched(4, retry={"initial": 30, "jitter": 0})
    execution.put("fine", "throttled", "bad", "odd")

    async def handler(messages: list[Message]) -> object:
        said = {"fine": None, "throttled": RetryAfter(90), "bad": PoisonMessage("no customer"), "odd": "retry"}
        return [said[message.text] for message in messages]

    report = await ended(execution, handler)
    assert_adds_up(report)
    assert (report.processed, report.failed, report.poisoned) == (1, 2, 1)
    assert [poison.reason for poison in execution.queue.poisoned] == ["no customer"]
    left = {stored.body: stored.visible_at for stored in execution.queue.messages.values()}
    assert left[b"throttled"] - left[b"odd"] == timedelta(seconds=60)
    assert {kind for kind, _ in report.errors.items()} == {"RetryAfter", "PoisonMessage", "AnsweredRetry"}


async def test_error_that_is_raised_counts_for_all() -> None:
    execution = batched(3)
    execution.put("a", "b", "c")

    async def handler(messages: list[Message]) -> None:
        raise ValueError("no database")

    report = await ended(execution, handler)
    assert (report.failed, report.processed) == (3, 0)
    assert report.errors["ValueError"][0] == 3


async def test_answer_of_the_wrong_length_counts_as_done_for_none() -> None:
    execution = batched(3)
    execution.put("a", "b", "c")
    report = await ended(execution, lambda messages: ["done"])
    assert (report.failed, report.processed) == (3, 0)
    assert report.error == "BatchAnswerError: the handler answered 1 outcomes for 3 messages"


async def test_batch_waits_for_messages_that_come_meanwhile() -> None:
    execution, seen = batched(5, wait=4), Batches()
    execution.put("early")

    async def handler(messages: list[Message]) -> None:
        seen.append(texts(messages))

    running = execution.start(handler)
    for number in range(3):
        await execution.clock.run(0.9)
        execution.put(f"late {number}")
    await execution.clock.run(1.2)
    assert seen == []
    await execution.clock.run(0.2)
    assert seen == [["early", "late 0", "late 1", "late 2"]]
    await execution.clock.run(10)
    assert (await running).processed == 4


async def test_leases_of_the_whole_batch_are_renewed() -> None:
    execution = batched(6, wait=15, visibilityTimeout=10, executionSlice=100, concurrency=1)
    execution.put(*"abcdef"[:5])

    async def handler(messages: list[Message]) -> None:
        await execution.clock.sleep(35)

    running = execution.start(handler)
    for _ in range(49):  # while it fills, and while it is handled
        await execution.clock.run(1)
        assert execution.visible() == 0
    await execution.clock.run(20)
    report = await running
    assert (report.processed, report.lost) == (5, 0)


async def test_call_that_takes_too_long_fails_for_all_of_it() -> None:
    execution = batched(2, handlerTimeout=20, executionSlice=10, concurrency=1)
    execution.put("a", "b")
    cancelled = []

    async def handler(messages: list[Message]) -> None:
        try:
            await execution.clock.sleep(1000)
        finally:
            cancelled.append(len(messages))

    report = await ended(execution, handler)
    assert (report.failed, report.lost, cancelled) == (2, 0, [2])
    assert report.error == "HandlerTimeoutError: handlerTimeout (20 s) is over"
    assert report.left_behind == ()


async def test_call_that_swallows_its_cancellation_is_left_behind_once() -> None:
    execution = batched(2, handlerTimeout=20, executionSlice=10, concurrency=1)
    execution.put("a", "b")
    over = asyncio.Event()

    async def handler(messages: list[Message]) -> None:
        while not over.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await over.wait()

    report = await ended(execution, handler)
    assert (report.failed, len(report.left_behind)) == (2, 1)
    over.set()
    await asyncio.wait_for(asyncio.gather(*report.left_behind), 5)


async def test_stop_calls_the_handler_with_what_is_there() -> None:
    execution, seen = batched(50, wait=100), Batches()
    execution.put(*"abc")

    async def handler(messages: list[Message]) -> None:
        seen.append(texts(messages))

    running = execution.start(handler)
    await execution.clock.run(1)
    execution.stop_reason = "stopped by an operator"
    await execution.clock.run(10)
    report = await running
    assert (report.ended, seen) == ("stopped", [["a", "b", "c"]])


class Crashed(NoSuspicion):
    """A process has died: what comes again may have ended it."""

    async def crashed(self) -> bool:
        return True


async def test_suspect_message_is_a_batch_by_itself() -> None:
    execution, seen = batched(5), Batches()
    ids = execution.put("a", "suspect", "b")
    execution.queue.messages[ids[1]].dequeue_count = 1

    async def handler(messages: list[Message]) -> None:
        seen.append(texts(messages))

    work = run_execution(
        execution.source,
        cast("Any", handler),
        execution.settings,
        reason_to_stop=execution.reason_to_stop,
        clock=execution.clock,
        suspicion=Crashed(),
    )
    running = asyncio.create_task(work)
    while not running.done():
        await execution.clock.run(0.25)
    assert ["suspect"] in seen
    assert sorted(text for batch in seen for text in batch) == ["a", "b", "suspect"]


async def test_cancelled_execution_leaves_no_call_at_work() -> None:
    execution = batched(2)
    execution.put("a", "b", "c")

    async def handler(messages: list[Message]) -> None:
        await asyncio.sleep(100)

    running = execution.start(cast("Any", handler))
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settle()
    assert {each for each in asyncio.all_tasks() if each is not asyncio.current_task()} == set()
