"""The contract of `ebb.core.contract.source.Source`: every source passes it, against its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ebb.core.clock import SystemClock
from ebb.core.contract.source import Measurement, QueueSource
from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.core.message import Message
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from tests.kinds.bench import Bench
from tests.kinds.registry import ENCODED, RUNS, TESTED

LEASE = timedelta(seconds=30)
BODIES = {
    "plain": b"1700000000",
    "unicode": "zażółć gęślą jaźń 日本語 🐝 \u202e".encode(),
    "xml": b"<a href=\"x\">&amp; 'quoted' ]]> &#13; </a>",
    "white space": b"  two\r\nlines\tand a tab \n",
    "json": b'{"reason": "mine", "body": {"nested": [1, 2.5, null]}}',
    "large": b"x" * 40_000,
}


@pytest.fixture(params=RUNS)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    kind, _, variant = request.param.partition("-")
    tested = TESTED[kind]
    assert tested.bench is not None
    async for made in tested.bench(tested.server and request.getfixturevalue(tested.server), variant):
        yield made


async def take(source: QueueSource, lease: timedelta = LEASE) -> Message:
    (message,) = await source.receive(32, lease)
    return message


async def test_receive_gives_nothing_when_the_queue_is_empty(bench: Bench) -> None:
    assert await bench.source.receive(32, LEASE) == []


@pytest.mark.parametrize("bench", [*RUNS, *ENCODED], indirect=True)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_body_comes_back_byte_for_byte(bench: Bench, body: bytes) -> None:
    before = bench.now()
    await bench.put(body)
    message = await take(bench.source)
    assert message.body == body
    assert message.dequeue_count == 1
    assert message.enqueued_at is not None
    assert message.enqueued_at.tzinfo is not None
    second = timedelta(seconds=1)  # some servers keep whole ones
    assert before - second <= message.enqueued_at <= bench.now() + second


async def test_receive_gives_at_most_the_limit_and_oldest_first(bench: Bench) -> None:
    for number in range(5):
        await bench.put(b"%d" % number)
    first, second = await bench.source.receive(3, LEASE), await bench.source.receive(3, LEASE)
    assert sorted(message.body for message in first + second) == [b"0", b"1", b"2", b"3", b"4"]
    assert len(first) == 3


async def test_received_message_is_hidden_until_its_lease_ends(bench: Bench) -> None:
    await bench.put(b"one")
    first = await take(bench.source, timedelta(seconds=bench.short))
    assert await bench.source.receive(32, LEASE) == []
    again = await take(await bench.after(bench.short + 0.2))
    assert (again.id, again.body, again.dequeue_count) == (first.id, b"one", 2)
    assert again.receipt != first.receipt


async def test_completed_message_does_not_come_back(bench: Bench) -> None:
    await bench.put(b"one")
    await bench.source.complete(await take(bench.source, timedelta(seconds=bench.short)))
    await bench.pass_time(bench.short + 0.2)
    assert await bench.source.receive(32, LEASE) == []


async def test_complete_twice_counts_as_done(bench: Bench) -> None:
    await bench.put(b"one")
    message = await take(bench.source)
    await bench.source.complete(message)
    await bench.source.complete(message)
    assert await bench.count() == Measurement(0, approximate=bench.kind.approximate)


async def test_message_of_another_receiver_cannot_be_touched(bench: Bench) -> None:
    await bench.put(b"one")
    slow = await take(bench.source, timedelta(seconds=bench.short))
    other = await bench.after(bench.short + 0.2)
    quick = await take(other)
    if bench.kind.partitioned and not bench.kind.loss_noticed:  # whoever says how far it is is believed
        await bench.source.complete(slow)
    else:
        with pytest.raises(LeaseLostError):
            await bench.source.complete(slow)
    with pytest.raises(LeaseLostError):
        await bench.source.extend(slow, LEASE)
    await bench.source.release(slow)
    assert await other.receive(32, LEASE) == []
    await other.complete(quick)


async def test_extended_lease_hides_the_message_for_longer(bench: Bench) -> None:
    await bench.put(b"one")
    message = await take(bench.source, timedelta(seconds=bench.short))
    receipt = message.receipt
    await bench.source.extend(message, LEASE)
    assert message.receipt != receipt
    await bench.pass_time(bench.short + 0.2)
    assert await bench.source.receive(32, LEASE) == []
    await bench.source.complete(message)


async def test_extend_of_a_message_that_is_gone_says_so(bench: Bench) -> None:
    await bench.put(b"one")
    message = await take(bench.source)
    await bench.source.complete(message)
    with pytest.raises(LeaseLostError):
        await bench.source.extend(message, LEASE)
    await bench.source.release(message)


async def test_released_message_is_visible_at_once(bench: Bench) -> None:
    await bench.put(b"one")
    message = await take(bench.source)
    await bench.source.release(message)
    again = await take(bench.source)
    assert (again.id, again.body, again.dequeue_count) == (message.id, b"one", 2)


async def test_released_message_is_visible_after_its_delay(bench: Bench) -> None:
    await bench.put(b"one")
    await bench.source.release(await take(bench.source), timedelta(seconds=bench.short))
    assert await bench.source.receive(32, LEASE) == []
    await bench.pass_time(bench.short + 0.2)
    assert (await take(bench.source)).body == b"one"


@pytest.mark.parametrize("bench", [*RUNS, *ENCODED], indirect=True)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_dead_lettered_message_moves_with_its_reason(bench: Bench, body: bytes) -> None:
    await bench.put(body)
    message = await take(bench.source)
    await bench.source.dead_letter(message, "no <good> & never was: ł")
    assert await bench.poisoned() == [(body, "no <good> & never was: ł")]
    with pytest.raises(LeaseLostError, match="gone"):
        await bench.source.extend(message, LEASE)


async def test_concurrent_receivers_never_share_a_message(bench: Bench) -> None:
    await asyncio.gather(*(bench.put(b"%d" % number) for number in range(60)))
    receivers = bench.beside(3)

    async def drain(source: QueueSource) -> list[bytes]:
        bodies: list[bytes] = []
        while batch := await source.receive(7, LEASE):
            bodies += [message.body for message in batch]
            await asyncio.gather(*(source.complete(message) for message in batch))
        return bodies

    drained = await asyncio.gather(*(drain(source) for source in receivers))
    assert sorted(body for bodies in drained for body in bodies) == sorted(b"%d" % number for number in range(60))
    assert await bench.count() == Measurement(0, approximate=bench.kind.approximate)


async def test_measure_counts_what_waits_below_a_page(bench: Bench) -> None:
    for _ in range(4):
        await bench.put(b"one")
    await bench.source.receive(1, LEASE)
    left = 4 if bench.kind.counts_held else 3
    assert await bench.count() == Measurement(left, approximate=bench.kind.approximate)


async def test_oldest_message_that_waits_is_told_where_counting_meets_it(bench: Bench) -> None:
    assert (await bench.count()).oldest is None
    await bench.put(b"first")
    await bench.pass_time(1)
    await bench.put(b"second")
    found = (await bench.count()).oldest
    if not bench.tells_oldest:
        assert found is None
        return
    received = await bench.source.receive(2, LEASE)
    assert {each.body for each in received} == {b"first", b"second"}
    assert found == min(each.enqueued_at for each in received if each.enqueued_at is not None)


async def test_measure_counts_approximately_beyond_a_page(bench: Bench) -> None:
    await asyncio.gather(*(bench.put(b"one") for _ in range(40)))
    backlog = await bench.count()
    assert (backlog.count, backlog.approximate) == (40, bench.exact < 40)
    received = 0
    while received < 32:  # in several parts where they come over a stream
        part = await bench.source.receive(32 - received, LEASE)
        assert part
        received += len(part)


async def test_missing_queue_is_named(bench: Bench) -> None:
    with pytest.raises(SourceNotFoundError, match="absent does not exist"):
        await bench.missing.measure()
    with pytest.raises(SourceNotFoundError, match="create it"):
        await bench.missing.receive(1, LEASE)


async def test_nothing_is_lost_when_an_execution_ends_between_handling_and_completing(bench: Bench) -> None:
    await bench.put(b"one")
    crashing = bench.another()
    await take(crashing, timedelta(seconds=bench.short))  # handled, and never completed
    await crashing.close()
    await bench.pass_time(bench.short + 0.2)
    again = await take(bench.source)
    assert (again.body, again.dequeue_count) == (b"one", 2)


async def test_many_messages_and_four_executions(bench: Bench) -> None:
    for start in range(0, bench.many, 50):
        await asyncio.gather(*(bench.put(b"%d" % number) for number in range(start, start + 50)))
    handled: list[bytes] = []

    async def handle(message: Message) -> None:
        handled.append(message.body)

    async def go_on() -> str | None:
        return None

    given = {"source": {"type": "memory"}, "handler": "handlers.noop:handle"}
    settings = validate_settings({**given, "executionSlice": 110})  # a busy machine is not a fault of the source
    sources = bench.beside(4)
    reports = await asyncio.gather(
        *(run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock()) for source in sources)
    )
    assert set(handled) == {b"%d" % number for number in range(bench.many)}
    assert len(handled) <= bench.many * (1.05 if bench.repeats else 1)
    assert sum(report.processed for report in reports) == len(handled)
    assert await (await bench.after(0.5)).receive(32, LEASE) == []
