"""How one execution ends: stop, slice, hard limit, a source that is away, cancellation."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from ebb import Message
from ebb.core.errors import LeaseLostError, SourceUnavailableError
from ebb.core.settings.capabilities import Capabilities
from ebb.execution.holding import Holding
from ebb.sources.memory.source import MemorySource
from tests.clocks import settle
from tests.executions import QUEUE, Execution, NotRenewing, SlowlySettled, SlowSource, assert_adds_up, nothing, sleeping


async def test_stop_finishes_handlers_and_gives_back_what_had_not_begun() -> None:
    execution, begun = Execution(concurrency=2, batchSize=8), list[str]()
    execution.put("quick", *map(str, range(20)))
    running = execution.start(sleeping(execution, 7, begun))
    await execution.clock.run(1)
    execution.stop_reason = "stopped by ana"
    await execution.clock.run(4.5)
    assert execution.visible() == 18
    await execution.clock.run(2)
    report = await running
    assert (report.ended, report.reason) == ("stopped", "stopped by ana")
    assert (report.processed, report.released, begun) == (3, 7, ["0", "1"])
    assert_adds_up(report)


async def test_intent_is_looked_at_every_five_seconds_while_handlers_work() -> None:
    execution = Execution(executionSlice=100)
    execution.put("one")
    running = execution.start(sleeping(execution, 21, []))
    await execution.clock.run(21)
    await running
    assert execution.looks == 4


async def test_execution_makes_way_as_at_the_end_of_its_slice() -> None:
    execution, begun = Execution(concurrency=2, batchSize=8, executionSlice=100), list[str]()
    execution.put(*map(str, range(100)))
    running = execution.start(sleeping(execution, 1, begun))
    execution.way_from = execution.clock.now() + timedelta(seconds=9)
    await execution.clock.run(30)
    report = await running
    assert (report.ended, report.error, report.released) == ("slice", None, 0)
    assert report.processed == report.received
    assert 2 * 10 <= report.processed < 2 * 16  # it looks after 10 s, and has messages for 5 s in hand


async def test_nothing_of_a_batch_begins_that_came_after_the_stop() -> None:
    execution, begun = Execution(), list[str]()
    execution.put("one", "two")
    execution.source = SlowSource(execution.broker, QUEUE, execution.clock, 6)
    running = execution.start(sleeping(execution, 1, begun))
    execution.stop_reason = "paused"
    await execution.clock.run(10)
    report = await running
    assert (begun, report.released, report.ended) == ([], 2, "stopped")
    assert execution.visible() == 2


async def test_lease_is_renewed_in_time_after_a_slow_answer() -> None:
    execution, begun = Execution(visibilityTimeout=6), list[str]()
    execution.put("one")
    execution.source = SlowSource(execution.broker, QUEUE, execution.clock, 4)
    running = execution.start(sleeping(execution, 12, begun))
    for _ in range(24):
        await execution.clock.run(0.5)
        assert execution.visible() == 0
    await execution.clock.run(40)
    report = await running
    assert (begun, report.processed, report.lost) == (["one"], 1, 0)


async def test_no_message_is_taken_after_the_slice() -> None:
    execution, begun = Execution(executionSlice=10, concurrency=1, batchSize=1), list[str]()
    execution.put(*map(str, range(20)))
    running = execution.start(sleeping(execution, 3, begun))
    await execution.clock.run(30)
    report = await running
    assert report.ended == "slice"
    assert report.processed == len(begun) == 4  # taken at 0, 3, 6, 9
    assert_adds_up(report)


async def test_replica_timeout_ends_hung_handlers_and_their_messages_wait_for_their_lease() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20, visibilityTimeout=60, concurrency=2, batchSize=4)
    execution.put("quick", "hangs on a thread", "hangs on the loop", "waits", "waits too")
    let_go, begun, cancelled = threading.Event(), threading.Semaphore(0), list[str]()

    async def on_loop(message: Message) -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(message.text)
            raise

    def handler(message: Message) -> object:
        if message.text == "quick":
            return None
        if "thread" in message.text:
            begun.release()
            let_go.wait(10)
            return None
        return on_loop(message)

    running = execution.start(handler)
    for _ in range(2):
        assert await asyncio.to_thread(begun.acquire, timeout=10)  # the threads are real, unlike the clock
    await execution.clock.run(20)
    report = await running
    assert (report.ended, cancelled) == ("timedOut", ["hangs on the loop"])
    assert (report.released, report.failed, report.lost, report.processed) == (2, 2, 0, 1)
    assert "replicaTimeout (20 s) is over: 2 handlers ended" in str(report.error)
    assert execution.visible() == 2
    execution.clock.step(61)
    assert execution.visible() == 4
    let_go.set()


async def test_a_removal_that_is_on_its_way_at_the_hard_limit_is_waited_for_and_counted() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20, concurrency=2, batchSize=2)
    execution.put("one", "two")
    execution.source = SlowlySettled(execution.broker, QUEUE, execution.clock, 3)
    running = execution.start(sleeping(execution, 18, []))
    await execution.clock.run(24)
    report = await running
    assert (report.ended, report.processed, report.failed, report.lost) == ("timedOut", 2, 0, 0)
    assert "0 handlers ended" in str(report.error)


async def test_a_removal_without_an_answer_delays_the_end_by_five_seconds() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20)
    execution.put("one")
    execution.source = SlowlySettled(execution.broker, QUEUE, execution.clock, 1000)
    running = execution.start(nothing)
    await execution.clock.run(24)
    assert not running.done()
    await execution.clock.run(2)
    report = await running
    assert (report.ended, report.processed, report.failed, report.lost) == ("timedOut", 0, 0, 1)


async def test_a_message_whose_lease_lapsed_while_the_source_was_away_is_looked_at_before_its_handler() -> None:
    execution, begun = Execution(visibilityTimeout=6, concurrency=1, batchSize=2), list[str]()
    execution.put("quick", "two", "three")
    source = execution.source = NotRenewing(execution.broker, QUEUE)
    running = execution.start(sleeping(execution, 18.25, begun))
    await execution.clock.run(18.1)
    assert (begun, execution.visible()) == (["two"], 2)
    source.there = True
    assert len(await MemorySource(execution.broker, QUEUE).receive(2, timedelta(seconds=60))) == 2
    await execution.clock.run(30)
    report = await running
    assert (begun, report.processed) == (["two"], 1)
    assert_adds_up(report)


async def test_a_message_whose_handler_could_not_begin_has_not_failed() -> None:
    execution, begun = Execution(visibilityTimeout=6, concurrency=1, batchSize=2, replicaTimeout=20), list[str]()
    execution.put("quick", "two", "three")
    source = execution.source = NotRenewing(execution.broker, QUEUE)
    running = execution.start(sleeping(execution, 18.25, begun))
    await execution.clock.run(18.1)
    source.answers = False
    await execution.clock.run(30)
    report = await running
    assert (begun, report.ended, report.failed) == (["two"], "timedOut", 0)
    assert "0 handlers ended or abandoned" in str(report.error)
    assert_adds_up(report)


async def test_a_lease_that_lapsed_is_renewed_where_nobody_else_has_the_message() -> None:
    execution = Execution(visibilityTimeout=6)
    execution.put("one")
    source = NotRenewing(execution.broker, QUEUE)
    holding = Holding(source, Capabilities(), timedelta(seconds=6), execution.clock, {})
    (held,) = await holding.receive(1)
    execution.clock.step(7)
    with pytest.raises(LeaseLostError):
        await holding.assure(held)
    source.there = True
    assert execution.visible() == 1
    await holding.assure(held)
    assert execution.visible() == 0


async def test_unavailable_source_ends_the_execution_with_its_error() -> None:
    execution = Execution()
    execution.queue.fault = SourceUnavailableError("127.0.0.1:1 cannot be reached")
    report = await execution.start(nothing)
    assert (report.ended, report.error) == ("failed", "127.0.0.1:1 cannot be reached")


async def test_source_that_goes_away_in_between_loses_no_message() -> None:
    execution, begun = Execution(concurrency=1, batchSize=2), list[str]()
    execution.put("one", "two", "three")
    running = execution.start(sleeping(execution, 3, begun))
    await execution.clock.run(1)
    execution.queue.fault = SourceUnavailableError("gone")
    await execution.clock.run(10)
    report = await running
    assert (report.ended, report.error, report.processed) == ("failed", "gone", 0)
    assert_adds_up(report)
    execution.queue.fault = None
    execution.clock.step(61)
    assert execution.visible() == 3


async def test_handler_that_cannot_be_cancelled_does_not_keep_the_execution() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20)
    execution.put("one")
    over = asyncio.Event()

    async def stubborn(message: Message) -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue

    running = execution.start(stubborn)
    await execution.clock.run(26)
    report = await running
    assert (report.ended, report.failed, report.lost) == ("timedOut", 1, 0)
    over.set()
    await settle()


async def test_error_of_the_stop_question_is_raised() -> None:
    execution = Execution()
    execution.put("one")

    async def broken() -> str | None:
        raise RuntimeError("a defect")

    execution.reason_to_stop = broken
    running = execution.start(sleeping(execution, 30, []))
    await execution.clock.run(6)
    with pytest.raises(RuntimeError, match="a defect"):
        await running


async def test_cancelled_execution_begins_nothing_more() -> None:
    execution, begun = Execution(concurrency=2, batchSize=8), list[str]()
    execution.put(*map(str, range(8)))
    running = execution.start(sleeping(execution, 30, begun))
    await settle()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await settle()
    assert begun == ["0", "1"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
