"""A topic of Kafka as a source, against a broker."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from ebb.core.clock import SystemClock
from ebb.core.contract.source import Measurement
from ebb.core.errors import LeaseLostError, SettingsError, SourceNotFoundError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_poison, open_source
from tests.clocks import SystemClockAhead
from tests.kafka import Kafka, MockCluster

LEASE = timedelta(seconds=30)


class Bench:
    """A topic of its own."""

    def __init__(self, servers: str, partitions: int = 3) -> None:
        self.name, self.servers, self.clock = f"jobs-{secrets.token_hex(6)}", servers, SystemClockAhead()
        self._partitions = partitions
        self.opened: list[Any] = []

    async def make(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.servers})
        future = admin.create_topics([NewTopic(self.name, self._partitions, 1)])[self.name]
        await asyncio.wrap_future(future)

    def schedule(self, more: dict[str, Any] | None = None, **source: Any) -> ScheduleSettings:
        given = {
            "type": "kafka",
            "bootstrapServers": self.servers,
            "topic": self.name,
            "consumerGroup": "ebb",
            "offsetResetPolicy": "earliest",
            **source,
        }
        return validate_settings({"source": given, "handler": "handlers.noop:handle", **(more or {})})

    def source(self, share: tuple[int, int] = (0, 1), **source: Any) -> Any:
        self.opened.append(open_source(self.schedule(**source), {}, clock=self.clock, share=share))
        return self.opened[-1]

    def poison(self) -> Any:
        return open_poison(self.schedule(), {})

    async def put(self, *texts: str, partition: int = 0, **about: Any) -> None:
        def produce() -> None:
            producer = Producer({"bootstrap.servers": self.servers})
            for text in texts:
                producer.produce(self.name, text.encode(), partition=partition, **about)
            assert producer.flush(10) == 0

        await asyncio.to_thread(produce)


@pytest.fixture
async def bench(kafka: Kafka) -> AsyncIterator[Bench]:
    made = Bench(kafka.servers)
    await made.make()
    yield made
    for each in made.opened:
        await each.close()


async def drain(source: Any) -> list[Message]:
    found: list[Message] = []
    while batch := await source.receive(32, LEASE):
        found += batch
        for message in batch:
            await source.complete(message)
    return found


async def test_message_has_key_headers_time_and_place(bench: Bench) -> None:
    await bench.put("zażółć", partition=1, key="k", headers={"colour": "blue"})
    (message,) = await bench.source().receive(10, LEASE)
    assert (message.id, message.text, message.dequeue_count) == (f"{bench.name}-1-0", "zażółć", 1)
    expected = {"colour": "blue", "kafka-key": "k", "kafka-partition": "1", "kafka-offset": "0"}
    assert message.properties == expected
    assert message.enqueued_at is not None


async def test_lag_falls_as_messages_are_done_and_names_the_partitions(bench: Bench) -> None:
    await bench.put(*map(str, range(10)))
    await bench.put(*map(str, range(5)), partition=2)
    source = bench.source()
    assert await source.measure() == Measurement(15, partitions=3)
    taken = await source.receive(4, LEASE)
    for message in taken:
        await source.complete(message)
    await source.close()
    from_first = sum(message.properties["kafka-partition"] == "0" for message in taken)
    assert (await bench.source().measure()).count == 11
    assert (await bench.source(limitToPartitionsWithLag=True).measure()).partitions == 2
    assert (await bench.source(allowIdleConsumers=True).measure()).partitions is None
    assert await bench.source(partitionLimitation="0-1").measure() == Measurement(10 - from_first, partitions=2)
    persistent = [bench.source(excludePersistentLag=True) for _ in range(2)]
    assert [(await each.measure()).count for each in persistent][-1] == 0  # nothing moved since the look before


async def test_policies_of_a_group_that_committed_nothing(bench: Bench) -> None:
    await bench.put("1", "2", "3", "4")
    for settings, count in [
        ({"offsetResetPolicy": "latest"}, 3),  # one for each partition
        ({"offsetResetPolicy": "earliest"}, 4),
        ({"scaleToZeroOnInvalidOffset": True}, 0),
    ]:
        assert (await bench.source(**settings).measure()).count == count, settings


async def test_group_that_begins_at_the_end_passes_over_nothing_that_comes_later(bench: Bench) -> None:
    await bench.put("old")
    first = bench.source(offsetResetPolicy="latest")
    assert await first.receive(10, LEASE) == []
    await first.close()
    await bench.put("new")
    assert [message.text for message in await drain(bench.source(offsetResetPolicy="latest"))] == ["new"]


async def test_executions_share_the_partitions_and_nothing_is_handled_twice(bench: Bench) -> None:
    for partition in range(3):
        await bench.put(*(f"{partition}-{number}" for number in range(50)), partition=partition)
    handled: list[str] = []

    async def handle(message: Message) -> None:
        handled.append(message.text)

    async def go_on() -> str | None:
        return None

    sources = [bench.source((number, 4)) for number in range(4)]
    reports = await asyncio.gather(
        *(
            run_execution(source, handle, bench.schedule(), reason_to_stop=go_on, clock=SystemClock())
            for source in sources
        )
    )
    assert sorted(handled) == sorted(f"{partition}-{number}" for partition in range(3) for number in range(50))
    assert [report.processed for report in reports] == [50, 50, 50, 0]
    await asyncio.gather(*(source.close() for source in sources))
    assert (await bench.source().measure()).count == 0


async def test_what_is_done_beyond_a_failure_is_not_repeated_and_tries_are_counted(bench: Bench) -> None:
    await bench.put(*map(str, range(10)))
    for tries in range(1, 4):
        source = bench.source()
        batch = await source.receive(32, LEASE)
        expected = [str(number) for number in range(10)] if tries == 1 else ["3"]
        assert [message.text for message in batch] == expected
        for message in batch:
            if message.text != "3":
                await source.complete(message)
            else:
                assert message.dequeue_count == tries
        await source.close()  # without a word for number 3: a crash
    assert (await bench.source().measure()).count == 7  # KEDA sees the offset alone


async def test_failed_message_comes_again_after_its_delay_even_in_another_execution(bench: Bench) -> None:
    await bench.put("1", "2")
    source = bench.source()
    first, second = await source.receive(10, LEASE)
    await source.release(first, timedelta(seconds=20))
    await source.complete(second)
    assert await source.receive(10, LEASE) == []
    bench.clock.step(21)
    (again,) = await source.receive(10, LEASE)
    assert (again.id, again.dequeue_count) == (first.id, 2)
    await source.release(again, timedelta(seconds=20))
    await source.close()
    later = bench.source()
    assert await later.receive(10, LEASE) == []
    bench.clock.step(21)
    (again,) = await later.receive(10, LEASE)
    assert (again.id, again.dequeue_count) == (first.id, 3)


async def test_ordered_partition_waits_for_its_first_message(bench: Bench) -> None:
    await bench.put("1", "2")
    await bench.put("3", "4", partition=1)
    source = bench.source(ordered=True)
    one, three = await source.receive(10, LEASE)
    assert {one.text, three.text} == {"1", "3"}
    assert await source.receive(10, LEASE) == []
    await source.complete(one if one.text == "1" else three)
    (two,) = await source.receive(10, LEASE)
    assert two.text == "2"
    await source.release(two, timedelta(seconds=20))
    assert await source.receive(10, LEASE) == []


@pytest.mark.parametrize("ordered", [True, False])
async def test_partition_with_much_behind_a_failure_holds_no_other_partition_up(bench: Bench, ordered: bool) -> None:
    await bench.put(*map(str, range(4000)))
    source = bench.source(ordered=ordered)
    (first,) = await source.receive(1, LEASE)
    await source.release(first, timedelta(seconds=3600))
    await bench.put("one", "two", partition=1)
    await _drained_until(source, {"one", "two"})
    bench.clock.step(3601)
    await _drained_until(source, {"0", "3999"})
    await drain(source)
    await source.close()
    assert (await bench.source().measure()).count == 0  # nothing was passed over while its partition waited


async def _drained_until(source: Any, wanted: set[str]) -> None:
    """Handle all that comes until these did: a partition that was at its end may look empty for a moment."""
    missing = set(wanted)
    for _ in range(600):
        missing -= {message.text for message in await drain(source)}
        if not missing:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{missing} did not come")


async def test_settled_message_cannot_be_held(bench: Bench) -> None:
    await bench.put("1")
    source = bench.source()
    (message,) = await source.receive(10, LEASE)
    await source.extend(message, LEASE)
    await source.complete(message)
    await source.complete(message)
    with pytest.raises(LeaseLostError, match="gone"):
        await source.extend(message, LEASE)
    await source.release(message)
    assert await source.receive(10, LEASE) == []


async def test_poison_is_shown_put_back_and_removed(bench: Bench) -> None:
    source, poison = bench.source(), bench.poison()
    assert (await poison.count(), await poison.peek(10), await poison.purge(None, 10)) == (0, [], 0)
    await bench.put("1", "2", "3", key="k", headers={"colour": "blue"})
    for message in await source.receive(10, LEASE):
        await source.dead_letter(message, f"no ł {message.text}")
    found = {each.body: each for each in await poison.peek(10)}
    assert {each.reason for each in found.values()} == {"no ł 1", "no ł 2", "no ł 3"}
    assert await poison.count() == 3
    assert await poison.requeue(frozenset({found[b"2"].id}), 10) == 1
    (again,) = await source.receive(10, LEASE)
    assert (again.body, again.properties["kafka-key"], again.properties["colour"]) == (b"2", "k", "blue")
    assert await poison.purge(None, 10, "no such text") == 0
    assert await poison.purge(None, 1) == 1
    assert await poison.purge(None, 10) == 1
    assert await poison.count() == 0


async def test_offset_that_has_expired_begins_where_the_topic_begins_now(bench: Bench) -> None:
    await bench.put(*map(str, range(10)))
    source = bench.source()
    await source.complete((await source.receive(1, LEASE))[0])
    await source.close()
    admin = AdminClient({"bootstrap.servers": bench.servers})
    await asyncio.wrap_future(next(iter(admin.delete_records([TopicPartition(bench.name, 0, 6)]).values())))
    assert [message.text for message in await drain(bench.source())] == ["6", "7", "8", "9"]


async def test_wrong_names_and_a_cluster_that_is_away_are_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceNotFoundError, match=r"topic absent does not exist at .*: create it, or check topic"):
        await bench.source(topic="absent").measure()
    monkeypatch.setattr("ebb.sources.kafka.cluster.TIMEOUT", 2.0)
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:1 cannot be reached .* check bootstrapServers"):
        await bench.source(bootstrapServers="127.0.0.1:1").measure()
    for settings, said in [
        ({"partitionLimitation": "1-x"}, "'1-x' is not a partition or a range"),
        ({"limitToPartitionsWithLag": True, "allowIdleConsumers": True}, "contradict each other"),
        ({"username": "a"}, "securityProtocol sasl_ssl"),
        ({"bootstrapServers": "here"}, "bootstrapServers"),
    ]:
        with pytest.raises(SettingsError, match=said):
            bench.schedule(**settings)
    with pytest.raises(SettingsError, match="app setting Secret is not set: set it to the password of me"):
        bench.source(username="me", password="Secret", securityProtocol="sasl_ssl")


async def test_group_with_members_of_its_own_is_told(bench: Bench) -> None:
    await bench.put("1")
    options = {"bootstrap.servers": bench.servers, "group.id": "ebb", "session.timeout.ms": 6000}
    member = Consumer(options)
    member.subscribe([bench.name])
    try:
        for _ in range(100):
            await asyncio.to_thread(member.poll, 0.1)
            if member.assignment():
                break
        with pytest.raises(SourceUnavailableError, match="consumer group ebb has members: another app reads by it"):
            await bench.source().receive(10, LEASE)
    finally:
        member.close()


async def test_partitions_that_are_added_meanwhile_are_read_by_the_next_cycle(bench: Bench) -> None:
    await bench.put("a")
    first = bench.source()
    (message,) = await first.receive(5, LEASE)
    admin = AdminClient({"bootstrap.servers": bench.servers})
    await asyncio.wrap_future(admin.create_partitions([NewPartitions(bench.name, 5)])[bench.name])
    await bench.put("b", partition=4)
    await first.complete(message)
    assert await first.receive(5, LEASE) == []  # its partitions are those that it began with
    await first.close()
    second = bench.source()
    assert await second.measure() == Measurement(1, partitions=5)
    assert [each.text for each in await drain(second)] == ["b"]


async def test_broker_that_was_killed_comes_back_with_what_was_not_done() -> None:
    with Kafka() as kafka:
        made = Bench(kafka.servers, 1)
        await made.make()
        await made.put("1", "2")
        source = made.source()
        first, _ = await source.receive(10, LEASE)
        await source.complete(first)
        await source.receive(10, LEASE)  # commits
        await source.close()
        await asyncio.sleep(2)  # this broker writes to its disk after a while
        kafka.kill()
        kafka.start()
        again = made.source()
        assert [message.text for message in await drain(again)] == ["2"]
        await again.close()


async def test_crash_against_the_cluster_of_librdkafka() -> None:
    """A second server, of those who make the library: commits with a text, without a membership."""
    with MockCluster() as mock:
        made = Bench(mock.servers, 1)
        await made.put(*map(str, range(5)))
        crashing = made.source()
        batch = await crashing.receive(10, LEASE)
        await crashing.complete(batch[4])
        await crashing.receive(10, LEASE)
        again = made.source()
        found = await again.receive(10, LEASE)
        assert [(message.text, message.dequeue_count) for message in found] == [(str(n), 2) for n in range(4)]
        await asyncio.gather(crashing.close(), again.close())
