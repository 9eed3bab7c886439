"""The contract of `ebb.core.contract.source.Source`: every source passes it, against its server."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import unquote

import aio_pika
import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ebb.core.clock import SystemClock
from ebb.core.contract.source import Measurement, QueueSource
from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.core.message import Message
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.blob.container import Container
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.source import BlobSource
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.poison import EventHubPoison
from ebb.sources.event_hub.settings import EventHubSettings
from ebb.sources.event_hub.source import EventHubSource
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.poison import KafkaPoison
from ebb.sources.kafka.settings import KafkaSettings
from ebb.sources.kafka.source import KafkaSource
from ebb.sources.kind import Kind
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.rabbit_mq.settings import RabbitMqSettings
from ebb.sources.rabbit_mq.source import RabbitMqSource
from ebb.sources.registry import KINDS
from ebb.sources.service_bus.settings import ServiceBusSettings
from ebb.sources.service_bus.source import ServiceBusSource
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import SqsSource, client_for
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import StorageQueueSource
from ebb.sources.storage_queue.text import Encoding, decode_body, encode_body, open_envelope
from tests.azurite import Azurite
from tests.clocks import SteppedClock, SystemClockAhead
from tests.emulators.amqp.queues import Queue
from tests.emulators.amqp.server import AmqpEmulator
from tests.kafka import Kafka
from tests.moto import REGION, SETTINGS, Moto
from tests.rabbit import Rabbit

LEASE = timedelta(seconds=30)
BODIES = {
    "plain": b"1700000000",
    "unicode": "zażółć gęślą jaźń 日本語 🐝 \u202e".encode(),
    "xml": b"<a href=\"x\">&amp; 'quoted' ]]> &#13; </a>",
    "white space": b"  two\r\nlines\tand a tab \n",
    "json": b'{"reason": "mine", "body": {"nested": [1, 2.5, null]}}',
    "large": b"x" * 40_000,
}


@dataclass
class Bench:
    """A source under test, and the means to put messages and look at its poison place."""

    source: QueueSource
    put: Callable[[bytes], Awaitable[object]]
    poisoned: Callable[[], Awaitable[list[tuple[bytes, str]]]]
    pass_time: Callable[[float], Awaitable[None]]
    missing: QueueSource
    another: Callable[[], QueueSource]
    kind: Kind
    many: int = 1000  # messages that its server drains within seconds
    short: float = 2.0  # seconds of a lease, or a delay, that is waited for
    exact: int = 31  # messages up to which a count is not approximate
    repeats: bool = False  # its server may give one message to two receives at once
    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # the time by its server's clock
    shares: Callable[[int], list[QueueSource]] | None = None  # sources of executions beside each other, by their number

    async def after(self, seconds: float) -> QueueSource:
        """The source that gives a message again, once nobody holds it any more.

        A partition has no leases: another reader takes it.
        """
        await self.pass_time(seconds)
        return self.another() if self.kind.partitioned else self.source

    def beside(self, executions: int) -> list[QueueSource]:
        """Sources of executions beside each other."""
        if self.shares is not None:
            return self.shares(executions)
        return [self.source, *(self.another() for _ in range(executions - 1))]

    async def count(self) -> Measurement:
        """What is counted, once positions that follow a moment later are written; partitions left out."""
        if self.kind.partitioned:
            await self.pass_time(0.5)
        return replace(await self.source.measure(), partitions=None)


TELL_THE_OLDEST = ("blob", "memory", "storageQueue")
CONTRACT = (  # the kind, and behind a hyphen a variant of it
    "blob-delete",
    "blob-keep",
    "blob-move",
    "eventHub-four",
    "kafka-three",
    "memory",
    "rabbitMQ-classic",
    "rabbitMQ-quorum",
    "serviceBus-queue",
    "sqs-none",
    "storageQueue-none",
)
ENCODED = ("sqs-base64", "storageQueue-base64")  # other bodies, the same leases: only the tests of bodies run with them


@pytest.fixture(params=CONTRACT)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    kind, _, variant = request.param.partition("-")
    if kind == "memory":
        yield memory_bench()
        return
    server, made_by = BENCHES[kind]
    async for made in made_by(request.getfixturevalue(server), variant):
        yield made


@pytest.fixture(scope="module")
def azurite_with_clock() -> Iterator[Azurite]:
    """The service's shortest lease is 15 s: its clock goes ahead instead."""
    with Azurite(own_clock=True) as running:
        yield running


def memory_bench() -> Bench:
    clock = SteppedClock()
    broker = MemoryBroker(clock, create_missing=False)
    broker.create("contract")

    async def put(body: bytes) -> object:
        return broker.put("contract", body)

    async def poisoned() -> list[tuple[bytes, str]]:
        return [(each.body, each.reason) for each in broker.queues["contract"].poisoned]

    async def pass_time(seconds: float) -> None:
        clock.step(seconds)

    def another() -> QueueSource:
        return MemorySource(broker, "contract")

    missing = MemorySource(broker, "absent")
    return Bench(another(), put, poisoned, pass_time, missing, another, KINDS["memory"], now=clock.now)


async def blob_bench(azurite: Azurite, when_done: str) -> AsyncIterator[Bench]:
    name, numbers, clock = f"contract-{secrets.token_hex(6)}", count(), SystemClockAhead()
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    account = open_account(connection, "blob")
    container, poison = Container(account, name), Container(account, f"{name}-poison")
    await container.make()
    opened: list[QueueSource] = []

    def source(container_name: str) -> QueueSource:
        given = {"type": "blob", "containerName": container_name, "prefix": "in", "whenDone": when_done}
        opened.append(BlobSource(BlobSettings.model_validate(given), connection, clock))
        return opened[-1]

    async def pass_time(seconds: float) -> None:
        azurite.pass_time(seconds)
        clock.step(seconds)

    async def put(body: bytes) -> object:
        return container.check(await container.put(f"in/{next(numbers):06} ł&+.txt", body), 201)

    async def poisoned() -> list[tuple[bytes, str]]:
        entries = [entry async for entry in poison.entries("")]
        bodies = [(await poison.call("GET", entry.name)).body for entry in entries]
        return [(body, unquote(entry.metadata["ebbreason"])) for body, entry in zip(bodies, entries, strict=True)]

    another = partial(source, name)
    missing = source(f"{name}-absent")
    kind = KINDS["blob"]
    yield Bench(another(), put, poisoned, pass_time, missing, another, kind, 300, 15.0, 10_000, now=azurite.now)
    await asyncio.gather(*(each.close() for each in opened))


async def rabbit_bench(rabbit: Rabbit, queue_type: str) -> AsyncIterator[Bench]:
    name, opened = f"contract-{secrets.token_hex(6)}", list[RabbitMqSource]()
    connection = await aio_pika.connect(rabbit.url)
    channel = await connection.channel()
    await channel.declare_queue(name, durable=True, arguments={"x-queue-type": queue_type})

    def source(queue_name: str) -> QueueSource:
        settings = RabbitMqSettings.model_validate({"type": "rabbitMQ", "queueName": queue_name})
        opened.append(RabbitMqSource(settings, rabbit.url, {}))
        return opened[-1]

    async def put(body: bytes) -> object:
        message = aio_pika.Message(body, timestamp=datetime.now(UTC), delivery_mode=2)
        return await channel.default_exchange.publish(message, name)

    async def poisoned() -> list[tuple[bytes, str]]:
        queue, found = await channel.get_queue(f"{name}-poison"), list[tuple[bytes, str]]()
        while (each := await queue.get(fail=False)) is not None:
            found.append((each.body, str(each.headers["ebb-reason"])))
        return found

    another = partial(source, name)
    yield Bench(
        another(), put, poisoned, asyncio.sleep, source(f"{name}-absent"), another, KINDS["rabbitMQ"], exact=100
    )
    await asyncio.gather(*(each.close() for each in opened))
    await connection.close()


class LockedFor(ServiceBusSource):
    """A source on a queue whose LockDuration is what is asked for: the contract speaks of that."""

    def __init__(self, amqp: AmqpEmulator, *given: Any) -> None:
        super().__init__(*given)
        self._queue = amqp.namespace.find(self._source.label())

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        self._set(lease)
        return await super().receive(limit, lease)

    async def extend(self, message: Message, lease: timedelta) -> None:
        self._set(lease)
        await super().extend(message, lease)

    def _set(self, lease: timedelta) -> None:
        if isinstance(self._queue, Queue):
            self._queue.lock_duration = lease.total_seconds()


async def service_bus_bench(amqp: AmqpEmulator, _: str) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    queue = amqp.tell(lambda namespace: namespace.add_queue(name))
    connection = resolve_namespace("Bus", {"Bus": amqp.connection_string()})
    client = ServiceBusClient.from_connection_string(amqp.connection_string())
    sender = await client.get_queue_sender(name).__aenter__()
    sending = asyncio.Lock()  # the SDK's sender is for one at a time
    opened: list[ServiceBusSource] = []

    def source(queue_name: str) -> QueueSource:
        given = {"type": "serviceBus", "queueName": queue_name, "managementEndpoint": amqp.management_url}
        opened.append(LockedFor(amqp, ServiceBusSettings.model_validate(given), connection))
        return opened[-1]

    async def put(body: bytes) -> object:
        async with sending:
            return await sender.send_messages(ServiceBusMessage(body))

    async def poisoned() -> list[tuple[bytes, str]]:
        assert queue.dead is not None
        return [
            (each.message.body[0].value, each.message.application["DeadLetterErrorDescription"])
            for each in queue.dead.items.values()
        ]

    another = partial(source, name)
    missing = source(f"{name}-absent")
    yield Bench(another(), put, poisoned, asyncio.sleep, missing, another, KINDS["serviceBus"], 300)
    await asyncio.gather(sender.close(), *(each.close() for each in opened))
    await client.close()


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka() as running:
        yield running


async def kafka_bench(kafka: Kafka, _: str) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    for topic in (name, f"{name}-poison"):
        await asyncio.wrap_future(admin.create_topics([NewTopic(topic, 3, 1)])[topic])
    producer = Producer({"bootstrap.servers": kafka.servers, "linger.ms": 0})
    about = {"type": "kafka", "bootstrapServers": kafka.servers, "consumerGroup": name, "offsetResetPolicy": "earliest"}
    opened: list[KafkaSource] = []

    def source(topic: str, share: tuple[int, int] = (0, 1)) -> QueueSource:
        settings = KafkaSettings.model_validate({**about, "topic": topic})
        opened.append(KafkaSource(settings, Cluster(settings, {}), None, share))
        return opened[-1]

    def shares(executions: int) -> list[QueueSource]:
        return [source(name, (number, executions)) for number in range(executions)]

    async def put(body: bytes) -> object:
        producer.produce(name, body)
        return await asyncio.to_thread(producer.flush, 30)

    async def poisoned() -> list[tuple[bytes, str]]:
        settings = KafkaSettings.model_validate({**about, "topic": name})
        place = KafkaPoison(settings, Cluster(settings, {}))
        return [(each.body, each.reason or "") for each in await place.peek(32)]

    another = partial(source, name)
    missing = source(f"{name}-absent")
    yield Bench(another(), put, poisoned, asyncio.sleep, missing, another, KINDS["kafka"], exact=10_000, shares=shares)
    await asyncio.gather(*(each.close() for each in opened))


@pytest.fixture
def amqp_and_azurite(amqp: AmqpEmulator, azurite: Azurite) -> tuple[AmqpEmulator, Azurite]:
    """Hubs, and where their checkpoints are."""
    return amqp, azurite


async def event_hub_bench(servers: tuple[AmqpEmulator, Azurite], _: str) -> AsyncIterator[Bench]:
    amqp, azurite = servers
    name, epochs = f"contract-{secrets.token_hex(6)}", count(1)
    hub = amqp.tell(lambda namespace: namespace.add_hub(name, 4))
    connection = resolve_namespace("Hub", {"Hub": amqp.connection_string()})
    storage = resolve_connection("Storage", {"Storage": azurite.connection_string})
    opened: list[EventHubSource] = []

    def source(hub_name: str, share: tuple[int, int] = (0, 1)) -> QueueSource:
        settings = EventHubSettings.model_validate(
            {"type": "eventHub", "eventHubName": hub_name, "poisonContainer": name}
        )
        opened.append(EventHubSource(settings, connection, storage, None, share, next(epochs)))
        return opened[-1]

    def shares(executions: int) -> list[QueueSource]:
        return [source(name, (number, executions)) for number in range(executions)]

    async def put(body: bytes) -> object:
        return amqp.tell(lambda _: hub.put(event_of(body, {})))

    async def poisoned() -> list[tuple[bytes, str]]:
        settings = EventHubSettings.model_validate({"type": "eventHub", "eventHubName": name, "poisonContainer": name})
        place = EventHubPoison(settings, connection, storage)
        return [(each.body, each.reason or "") for each in await place.peek(32)]

    another = partial(source, name)
    yield Bench(
        another(),
        put,
        poisoned,
        asyncio.sleep,
        source(f"{name}-absent"),
        another,
        KINDS["eventHub"],
        exact=10_000,
        shares=shares,
    )
    await asyncio.gather(*(each.close() for each in opened))


async def storage_bench(azurite: Azurite, encoding: Encoding) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    account = open_account(connection)
    queue, poison = QueueClient(account, name, create=True), QueueClient(account, f"{name}-poison", create=True)
    await queue.create()
    opened: list[QueueSource] = []

    def source(queue_name: str) -> QueueSource:
        settings = StorageQueueSettings(type="storageQueue", queueName=queue_name, messageEncoding=encoding)
        opened.append(StorageQueueSource(settings, connection))
        return opened[-1]

    async def put(body: bytes) -> object:
        return await queue.put(encode_body(body, encoding))

    async def poisoned() -> list[tuple[bytes, str]]:
        entries = await poison.receive(32, timedelta(seconds=2))
        opened_envelopes = [open_envelope(decode_body(entry.text, encoding)) for entry in entries]
        return [(body, str(fields["reason"])) for body, fields in opened_envelopes]

    yield Bench(
        source(name),
        put,
        poisoned,
        asyncio.sleep,
        source(f"{name}-absent"),
        lambda: source(name),
        KINDS["storageQueue"],
    )
    for each in opened:
        await each.close()


async def sqs_bench(moto: Moto, encoding: Encoding) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    given = {"type": "sqs", "messageEncoding": encoding, "waitTime": 0, "endpoint": moto.url, "region": REGION}
    client = client_for(SqsSettings.model_validate({**given, "queueName": name}), SETTINGS, SystemClock())
    queue, poison = SqsQueue(client, name, create=True), SqsQueue(client, f"{name}-poison", create=True)
    await queue.redrive()
    opened: list[SqsSource] = []

    def source(queue_name: str) -> QueueSource:
        settings = SqsSettings.model_validate({**given, "queueName": queue_name})
        opened.append(SqsSource(settings, client_for(settings, SETTINGS, SystemClock())))
        return opened[-1]

    async def put(body: bytes) -> object:
        return await queue.send(encode_body(body, encoding), {})

    async def poisoned() -> list[tuple[bytes, str]]:
        found = await poison.receive(32, 2, 0)
        return [
            (decode_body(each["Body"], encoding), each["MessageAttributes"]["ebb-reason"]["StringValue"])
            for each in found
        ]

    another = partial(source, name)
    absent = source(f"{name}-absent")  # in moto a look and a take are two steps, and receives meet between them
    yield Bench(another(), put, poisoned, asyncio.sleep, absent, another, KINDS["sqs"], 200, repeats=True)
    await asyncio.gather(client.close(), *(each.close() for each in opened))


BENCHES: dict[str, tuple[str, Callable[[Any, Any], AsyncIterator[Bench]]]] = {  # the fixture of its server, and itself
    "blob": ("azurite_with_clock", blob_bench),
    "eventHub": ("amqp_and_azurite", event_hub_bench),
    "kafka": ("kafka", kafka_bench),
    "rabbitMQ": ("rabbit", rabbit_bench),
    "serviceBus": ("amqp", service_bus_bench),
    "sqs": ("moto", sqs_bench),
    "storageQueue": ("azurite", storage_bench),
}


async def take(source: QueueSource, lease: timedelta = LEASE) -> Message:
    (message,) = await source.receive(32, lease)
    return message


async def test_receive_gives_nothing_when_the_queue_is_empty(bench: Bench) -> None:
    assert await bench.source.receive(32, LEASE) == []


@pytest.mark.parametrize("bench", [*CONTRACT, *ENCODED], indirect=True)
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


@pytest.mark.parametrize("bench", [*CONTRACT, *ENCODED], indirect=True)
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
    if bench.kind.name not in TELL_THE_OLDEST:
        assert found is None
        return
    received = await bench.source.receive(2, LEASE)
    assert {each.body for each in received} == {b"first", b"second"}
    assert found == min(each.enqueued_at for each in received if each.enqueued_at is not None)


async def test_measure_counts_approximately_beyond_a_page(bench: Bench) -> None:
    await asyncio.gather(*(bench.put(b"one") for _ in range(40)))
    backlog = await bench.count()
    assert (backlog.count, backlog.approximate) == (40, bench.exact < 40)
    assert len(await bench.source.receive(32, LEASE)) == 32


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
