"""Messages that are parked, because another execution has their key, or to let others through: no try is counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ebb.core.key_claim import PARKED_FOR
from ebb.core.message import Message
from ebb.core.remarks import parked_scope
from ebb.sources.memory.source import MemorySource
from tests.executions import QUEUE
from tests.unit.keys.keyed_work import work


async def test_key_of_another_execution_is_parked_and_parking_is_no_try() -> None:
    run = work(maxDequeueCount=3, executionSlice=300, pollingInterval=1)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 2
    began = run.execution.clock.now()
    for wait in (1, 2, 4, 8, 10, 10, 10, 10):  # received eight times, and never begun
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(1)
        report = await running
        assert (report.ended, report.received, report.parked) == ("empty", 0, 1)
        assert report.next_try == run.execution.clock.now() + timedelta(seconds=wait - 1)
        assert report.parked_now(run.execution.clock.now()) == ((1, began) if wait > 1 else (0, None))
        assert report.parked_now(run.execution.clock.now() + PARKED_FOR) == (0, None)
        await other.renew("a", None)
        await run.execution.clock.run(PARKED_FOR.total_seconds())
    assert run.names == []
    await other.let_go({"a": None})
    for _ in range(3):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(3)
        await running
        await run.execution.clock.run(60)
    assert run.tries == {"a1": [1, 2, 3]}
    assert (run.execution.queue.poisoned, run.execution.queue.messages) == ([], {})


class Copying(MemorySource):
    """A source that puts a copy in the place of a message that is given back, with the count that the message says."""

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        await super().release(message, delay)
        self._messages()[message.id].dequeue_count = message.dequeue_count


@pytest.mark.parametrize("kind", [MemorySource, Copying])
async def test_message_that_fails_for_good_is_poison_after_its_tries_although_it_was_parked(
    kind: type[MemorySource],
) -> None:
    run = work(maxDequeueCount=2, executionSlice=300)
    run.execution.source = kind(run.execution.broker, QUEUE)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 9
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(12)
    assert (await running).parked == 1
    await other.let_go({"a": None})
    for _ in range(2):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(3)
        await running
        await run.execution.clock.run(60)
    assert run.tries == {"a1": [1, 2]}
    assert [each.reason for each in run.execution.queue.poisoned] == [
        "failed 2 times (maxDequeueCount 2), at last with RuntimeError: not yet"
    ]


async def test_more_of_a_key_than_begins_soon_is_parked_so_that_others_come_through() -> None:
    run = work(seconds=20, concurrency=4, batchSize=4, executionSlice=300, replicaTimeout=1200, handlerTimeout=600)
    run.put(" ".join([*(f"f{number}" for number in range(40)), "a1", "b1"]))
    running = run.execution.start(run.handle, claims=run.claims())
    for _ in range(40):
        await run.execution.clock.run(0.5)
    assert run.names[0] == "f0"
    assert {"a1", "b1"} < set(run.names), "both stood behind forty messages of 20 s each"
    running.cancel()


async def test_parkings_are_counted_too_of_a_message_that_could_not_be_parked_once_more() -> None:
    run = work(maxDequeueCount=3, executionSlice=300)
    other = run.claims("other")
    assert await other.take("a") is not None
    run.put("a1")
    run.failing["a1"] = 2
    for _ in range(4):
        running = run.execution.start(run.handle, claims=run.claims())
        await run.execution.clock.run(1)
        assert (await running).parked == 1
        await run.execution.clock.run(10)
        await other.renew("a", None)
    run.store.refuses_notes = True
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(6)
    assert not running.done()
    run.store.refuses_notes = False
    await other.let_go({"a": None})
    await run.execution.clock.run(6)
    await running
    assert run.tries == {"a1": [1]}


async def test_what_has_not_begun_is_parked_when_the_slice_is_over() -> None:
    run = work(seconds=30, executionSlice=10, concurrency=4)
    run.put("a1 a2 b1")
    running = run.execution.start(run.handle, claims=run.claims())
    await run.execution.clock.run(40)
    report = await running
    assert (report.ended, report.processed, report.parked) == ("slice", 2, 1)
    (noted,) = (await run.store.remarks(parked_scope("s"))).values()
    assert noted["times"] == 1
