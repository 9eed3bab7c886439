"""What one execution does with its messages, on the in-memory source and a clock that the test moves."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from datetime import timedelta

import pytest

from ebb import Message, PoisonMessage
from ebb.sources.memory.source import MemoryBroker, MemorySource
from tests.clocks import settle
from tests.executions import QUEUE, CountingSource, Execution, assert_adds_up, nothing, sleeping


async def test_execution_ends_empty_when_all_messages_are_handled() -> None:
    execution = Execution(batchSize=4, concurrency=3)
    execution.put(*map(str, range(50)))
    handled: list[str] = []
    report = await execution.start(lambda message: handled.append(message.text))
    assert (report.processed, report.received, report.ended, report.error) == (50, 50, "empty", None)
    assert sorted(handled, key=int) == [str(number) for number in range(50)]
    assert execution.queue.messages == {}


async def test_execution_ends_empty_when_there_is_nothing() -> None:
    report = await Execution().start(nothing)
    assert (report.received, report.ended, report.oldest_message_age) == (0, "empty", None)


async def test_async_handlers_work_side_by_side_up_to_concurrency() -> None:
    execution, begun = Execution(batchSize=8, concurrency=3), list[str]()
    execution.put(*map(str, range(8)))
    running = execution.start(sleeping(execution, 2, begun))
    await settle()
    assert len(begun) == 3
    await execution.clock.run(6)
    report = await running
    assert (report.processed, len(begun)) == (8, 8)
    assert report.service_seconds == pytest.approx(16)


async def most_held(execution: Execution, seconds: float) -> int:
    """The most messages that were held at once, looked at every half second."""
    most = 0
    for _ in range(int(seconds * 2)):
        await execution.clock.run(0.5)
        most = max(most, len(execution.queue.messages) - execution.visible())
    return most


async def test_execution_never_holds_more_than_one_and_a_half_batches_beyond_concurrency() -> None:
    execution, begun = Execution(batchSize=8, concurrency=3, executionSlice=100), list[str]()
    execution.put(*map(str, range(100)))
    running = execution.start(sleeping(execution, 1, begun))
    assert await most_held(execution, seconds=35) == 3 + 8 + 4
    assert (await running).processed == 100


async def test_slow_handlers_take_no_message_that_others_could_begin() -> None:
    execution, begun = Execution(batchSize=16, concurrency=4, replicaTimeout=300), list[str]()
    execution.put(*map(str, range(40)))
    running = execution.start(sleeping(execution, 60, begun))
    assert await most_held(execution, seconds=250) == 4
    report = await running
    assert (report.processed, report.ended) == (4, "slice")


async def test_quick_handlers_are_kept_fed_with_one_receive_a_batch() -> None:
    execution = Execution(batchSize=16, concurrency=4)
    execution.source = source = CountingSource(execution.broker, QUEUE)
    execution.put(*map(str, range(160)))
    assert (await execution.start(nothing)).processed == 160
    assert len(source.limits) <= 13
    assert max(source.limits) == 16


async def test_last_try_begins_first() -> None:
    execution, begun = Execution(concurrency=1, batchSize=4, maxDequeueCount=3), list[str]()
    execution.put("fresh", "fresh too", "tried twice")
    execution.queue.messages["00000003"].dequeue_count = 2
    running = execution.start(sleeping(execution, 0.1, begun))
    await execution.clock.run(10)
    await running
    assert begun == ["fresh", "tried twice", "fresh too"]


async def test_failing_handler_releases_with_delay_and_the_error_is_kept() -> None:
    execution = Execution(visibilityTimeout=60)
    execution.put("one")

    def handler(message: Message) -> None:
        raise ValueError("too odd" + "!" * 1000)

    report = await execution.start(handler)
    assert (report.failed, report.poisoned, report.processed, report.ended) == (1, 0, 0, "empty")
    assert report.error is not None
    assert report.error.startswith("ValueError: too odd!")
    assert len(report.error) == 500
    (stored,) = execution.queue.messages.values()
    assert stored.visible_at == execution.clock.now() + timedelta(seconds=60)


class OddError(BaseException):
    """Not an Exception, and with no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    "error",
    [
        *(SystemExit(3), asyncio.CancelledError(), StopIteration("odd"), TimeoutError()),
        *(KeyboardInterrupt(), GeneratorExit(), OddError()),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_unusual_exceptions_of_a_handler_are_failures(error: BaseException) -> None:
    execution = Execution()
    execution.put("one", "two")

    async def handler(message: Message) -> None:
        if message.text == "one":
            raise error

    def plain_handler(message: Message) -> None:
        raise error

    report = await execution.start(handler)
    assert (report.failed, report.processed) == (1, 1)
    execution.clock.step(61)
    report = await execution.start(plain_handler)
    assert (report.failed, report.ended) == (1, "empty")


async def test_secret_in_a_handlers_error_is_neither_kept_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    execution = Execution(maxDequeueCount=1)
    execution.put("one")

    def handler(message: Message) -> None:
        raise RuntimeError("no database at AccountName=a;AccountKey=c2VjcmV0")

    report = await execution.start(handler)
    (poisoned,) = execution.queue.poisoned
    assert report.error == "RuntimeError: no database at AccountName=a;AccountKey=(hidden)"
    assert "AccountKey=(hidden)" in poisoned.reason
    assert "c2VjcmV0" not in caplog.text


async def test_traceback_of_a_handlers_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    execution = Execution()
    execution.put("one")

    def handler(message: Message) -> None:
        raise ValueError("too odd")

    await execution.start(handler)
    assert 'raise ValueError("too odd")' in caplog.text


async def test_message_is_dead_lettered_with_the_reason_at_the_last_try() -> None:
    execution = Execution(maxDequeueCount=3, visibilityTimeout=10)
    execution.put("one")

    def handler(message: Message) -> None:
        raise ValueError(f"try {message.dequeue_count}")

    for failed, poisoned in ((1, 0), (1, 0), (0, 1)):
        report = await execution.start(handler)
        assert (report.failed, report.poisoned) == (failed, poisoned)
        assert_adds_up(report)
        execution.clock.step(11)
    (poison,) = execution.queue.poisoned
    assert poison.body == b"one"
    assert poison.reason == "failed 3 times (maxDequeueCount 3), at last with ValueError: try 3"
    assert execution.queue.messages == {}


async def test_poison_message_is_dead_lettered_at_once() -> None:
    execution = Execution()
    execution.put("one", "two")

    def handler(message: Message) -> None:
        if message.text == "one":
            raise PoisonMessage("never any good")

    report = await execution.start(handler)
    assert (report.poisoned, report.processed, report.failed) == (1, 1, 0)
    assert [poison.reason for poison in execution.queue.poisoned] == ["never any good"]


async def test_message_received_too_often_is_dead_lettered_unhandled() -> None:
    execution = Execution(maxDequeueCount=2, visibilityTimeout=1)
    execution.put("one")
    for _ in range(2):
        await execution.source.receive(1, timedelta(seconds=1))
        execution.clock.step(1)
    handled: list[str] = []
    report = await execution.start(lambda message: handled.append(message.text))
    assert (report.poisoned, handled) == (1, [])
    assert "received 3 times, more than maxDequeueCount (2)" in execution.queue.poisoned[0].reason


async def test_lease_is_renewed_while_a_handler_works_and_while_others_wait_their_turn() -> None:
    execution, begun = Execution(visibilityTimeout=10, concurrency=1, batchSize=4, executionSlice=100), list[str]()
    execution.put("quick", "one", "two", "three")
    running = execution.start(sleeping(execution, 35, begun))
    for _ in range(80):
        await execution.clock.run(1)
        assert execution.visible() == 0
    await execution.clock.run(30)
    report = await running
    assert (begun, report.processed, report.lost) == (["one", "two", "three"], 4, 0)


async def test_message_that_arrives_while_a_handler_works_is_taken() -> None:
    execution, begun = Execution(), list[str]()
    execution.put("long")
    running = execution.start(sleeping(execution, 12, begun))
    await execution.clock.run(1)
    execution.put("late")
    await execution.clock.run(5)
    assert begun == ["long", "late"]
    await execution.clock.run(20)
    assert (await running).processed == 2


async def test_lost_lease_counts_as_neither_processed_nor_failed() -> None:
    execution = Execution(visibilityTimeout=30)
    execution.put("one")

    async def handler(message: Message) -> None:
        execution.queue.messages[message.id].receipt = "another receiver's"

    report = await execution.start(handler)
    assert (report.received, report.processed, report.failed, report.lost) == (1, 0, 0, 1)


async def test_message_whose_lease_was_lost_in_the_queue_is_not_handled() -> None:
    execution, begun = Execution(visibilityTimeout=10, concurrency=1, batchSize=2, executionSlice=60), list[str]()
    execution.put("quick", "one", "two")
    running = execution.start(sleeping(execution, 20, begun))
    await execution.clock.run(0.1)
    stolen = next(stored for stored in execution.queue.messages.values() if stored.body == b"two")
    stolen.receipt, stolen.visible_at = "another's", execution.clock.now() + timedelta(hours=1)
    await execution.clock.run(20)
    report = await running
    assert (begun, report.processed, report.lost) == (["one"], 2, 1)


async def test_plain_handlers_run_off_the_event_loop() -> None:
    execution = Execution(concurrency=4)
    execution.put(*"abcd")
    threads: set[int] = set()
    barrier = threading.Barrier(4, timeout=10)

    def handler(message: Message) -> None:
        barrier.wait()
        threads.add(threading.get_ident())

    assert (await execution.start(handler)).processed == 4
    assert len(threads) == 4
    assert threading.get_ident() not in threads


async def test_report_tells_the_age_of_the_oldest_message() -> None:
    execution = Execution()
    execution.put("one")
    execution.clock.step(90)
    execution.put("two")
    execution.clock.step(5)
    assert (await execution.start(nothing)).oldest_message_age == 95


class EndlessSource(MemorySource):
    """Makes messages as they are received, so that only the execution could keep them."""

    def __init__(self, broker: MemoryBroker, count: int) -> None:
        super().__init__(broker, QUEUE)
        self._left, self._bench = count, broker

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        for _ in range(min(limit, self._left)):
            self._left -= 1
            self._bench.put(QUEUE, "x" * 1000)
        return await super().receive(limit, lease)


async def test_memory_does_not_grow_with_the_number_of_messages() -> None:
    peaks: list[int] = []
    for number in (500, 500, 5000):  # the first one warms up
        execution = Execution(batchSize=32)
        execution.source = EndlessSource(execution.broker, number)
        tracemalloc.start()
        report = await execution.start(nothing)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.processed == number
    assert peaks[2] < peaks[1] * 1.2, peaks
