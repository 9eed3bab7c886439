"""One execution's loop on the in-memory source and a clock that the test moves."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.execution import ExecutionReport, run_execution
from handlers.base import Handler, Message, PoisonMessage
from scheduler.errors import SourceUnavailableError
from scheduler.settings import ScheduleSettings, validate_settings
from sources.memory import MemoryBroker, MemorySource
from tests.clocks import SteppedClock, settle

QUEUE = "work"


class Execution:
    """An execution under test: its queue, its clock, and the handler's view of things."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SteppedClock()
        self.broker = MemoryBroker(self.clock)
        self.queue = self.broker.create(QUEUE)
        self.source = MemorySource(self.broker, QUEUE)
        self.settings: ScheduleSettings = validate_settings(
            {"source": {"type": "memory"}, "handler": "handlers.noop:handle", **settings}
        )
        self.stop_reason: str | None = None
        self.looks = 0

    def put(self, *bodies: str) -> list[str]:
        return [self.broker.put(QUEUE, body) for body in bodies]

    async def may_go_on(self) -> str | None:
        self.looks += 1
        return self.stop_reason

    def start(self, handler: Handler) -> asyncio.Task[ExecutionReport]:
        return asyncio.create_task(
            run_execution(
                self.source,
                handler,
                self.settings,
                may_go_on=self.may_go_on,
                clock=self.clock,
                log={"schedule": "s", "cycle": 1, "execution": 0},
            )
        )

    def visible(self) -> int:
        return sum(stored.visible_at <= self.clock.now() for stored in self.queue.messages.values())


def sleeping(execution: Execution, seconds: float, begun: list[str]) -> Callable[[Message], Awaitable[None]]:
    async def handler(message: Message) -> None:
        begun.append(message.text)
        await execution.clock.sleep(seconds)

    return handler


def assert_adds_up(report: ExecutionReport) -> None:
    ends = report.processed + report.failed + report.poisoned + report.released + report.lost
    assert report.received == ends, report


async def nothing(message: Message) -> None: ...


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


async def test_execution_never_holds_more_than_a_batch_beyond_concurrency() -> None:
    execution, begun = Execution(batchSize=8, concurrency=3, executionSlice=100), list[str]()
    execution.put(*map(str, range(100)))
    running = execution.start(sleeping(execution, 1, begun))
    most = 0
    for _ in range(70):
        await execution.clock.run(0.5)
        most = max(most, len(execution.queue.messages) - execution.visible())
    assert most == 11
    assert (await running).processed == 100


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


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), StopIteration("odd"), TimeoutError()])
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
    execution.put("one", "two", "three")
    running = execution.start(sleeping(execution, 35, begun))
    for _ in range(80):
        await execution.clock.run(1)
        assert execution.visible() == 0
    await execution.clock.run(30)
    report = await running
    assert (begun, report.processed, report.lost) == (["one", "two", "three"], 3, 0)


async def test_stop_finishes_handlers_and_gives_back_what_had_not_begun() -> None:
    execution, begun = Execution(concurrency=2, batchSize=8), list[str]()
    execution.put(*map(str, range(20)))
    running = execution.start(sleeping(execution, 7, begun))
    await execution.clock.run(1)
    execution.stop_reason = "stopped by ana"
    await execution.clock.run(4.5)
    assert execution.visible() == 18
    await execution.clock.run(2)
    report = await running
    assert (report.ended, report.reason) == ("stopped", "stopped by ana")
    assert (report.processed, report.released, begun) == (2, 6, ["0", "1"])
    assert_adds_up(report)


async def test_intent_is_looked_at_every_five_seconds_while_handlers_work() -> None:
    execution = Execution(executionSlice=100)
    execution.put("one")
    running = execution.start(sleeping(execution, 21, []))
    await execution.clock.run(21)
    await running
    assert execution.looks == 4


async def test_no_message_is_taken_after_the_slice() -> None:
    execution, begun = Execution(executionSlice=10, concurrency=1, batchSize=1), list[str]()
    execution.put(*map(str, range(20)))
    running = execution.start(sleeping(execution, 3, begun))
    await execution.clock.run(30)
    report = await running
    assert report.ended == "slice"
    assert report.processed == len(begun) == 5  # taken at 0, 0, 3, 6, 9
    assert_adds_up(report)


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


async def test_replica_timeout_ends_hung_handlers_and_their_messages_wait_for_their_lease() -> None:
    execution = Execution(replicaTimeout=20, executionSlice=20, visibilityTimeout=60, concurrency=2, batchSize=4)
    execution.put("hangs on a thread", "hangs on the loop", "waits", "waits too")
    let_go, begun, cancelled = threading.Event(), threading.Semaphore(0), list[str]()

    async def on_loop(message: Message) -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(message.text)
            raise

    def handler(message: Message) -> object:
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
    assert (report.released, report.lost, report.processed) == (2, 2, 0)
    assert "replicaTimeout (20 s) is over: 2 handlers" in str(report.error)
    assert execution.visible() == 2
    execution.clock.step(61)
    assert execution.visible() == 4
    let_go.set()


async def test_lost_lease_counts_as_neither_processed_nor_failed() -> None:
    execution = Execution(visibilityTimeout=30)
    execution.put("one")

    async def handler(message: Message) -> None:
        execution.queue.messages[message.id].receipt = "another receiver's"

    report = await execution.start(handler)
    assert (report.received, report.processed, report.failed, report.lost) == (1, 0, 0, 1)


async def test_message_whose_lease_was_lost_in_the_queue_is_not_handled() -> None:
    execution, begun = Execution(visibilityTimeout=10, concurrency=1, batchSize=2, executionSlice=60), list[str]()
    execution.put("one", "two")
    running = execution.start(sleeping(execution, 20, begun))
    await settle()
    stolen = next(stored for stored in execution.queue.messages.values() if stored.body == b"two")
    stolen.receipt, stolen.visible_at = "another's", execution.clock.now() + timedelta(hours=1)
    await execution.clock.run(20)
    report = await running
    assert (begun, report.processed, report.lost) == (["one"], 1, 1)


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
    assert (report.ended, report.lost) == ("timedOut", 1)
    over.set()
    await settle()


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


async def test_error_of_the_stop_question_is_raised() -> None:
    execution = Execution()
    execution.put("one")

    async def broken() -> str | None:
        raise RuntimeError("a defect")

    execution.may_go_on = broken  # type: ignore[method-assign] - replaced for this test
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
