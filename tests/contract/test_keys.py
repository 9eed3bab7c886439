"""Sources that know keys keep the order of each, with executions beside each other, whatever fails."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ebb.core.clock import SystemClock
from ebb.core.message import Message
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.event_hub.events import event_of
from ebb.sources.registry import KINDS, open_source
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.kafka import Kafka
from tests.moto import SETTINGS, Moto

KEYS, EACH = "abc", 5
FAILING = {"a1": 2, "b0": 1}  # how often a message fails before it is handled


@dataclass
class Bench:
    """A place with messages of three keys, and what names it in the settings."""

    source: dict[str, Any]
    environment: dict[str, str]
    one_receives: asyncio.Lock | None = None  # at a time, where the server mixes them up


@dataclass
class Work:
    """What the handlers of several executions do."""

    begun: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    done: list[str] = field(default_factory=list[str])
    at_work: Counter[str] = field(default_factory=Counter[str])
    most: Counter[str] = field(default_factory=Counter[str])

    async def handle(self, message: Message) -> None:
        key = message.key or ""
        self.at_work[key] += 1
        self.most[key] = max(self.most[key], self.at_work[key])
        self.begun.setdefault(key, []).append(message.text)
        await asyncio.sleep(0.005)
        self.at_work[key] -= 1
        if self.begun[key].count(message.text) <= FAILING.get(message.text, 0):
            raise RuntimeError("not yet")
        self.done.append(message.text)


async def never() -> None:
    """Nobody stops it."""


def one_by_one(receive: Callable[..., Awaitable[list[Message]]], lock: asyncio.Lock) -> Any:
    """`receive`, which nobody else does meanwhile."""

    async def alone(limit: int, lease: timedelta) -> list[Message]:
        async with lock:
            return await receive(limit, lease)

    return alone


def texts() -> list[tuple[str, str]]:
    """Each message with its key, the keys mixed."""
    return [(key, f"{key}{number}") for number in range(EACH) for key in KEYS]


@pytest.fixture
def broker() -> Any:
    """A broker of Kafka."""
    with Kafka() as running:
        yield running


async def on_kafka(kafka: Kafka) -> AsyncIterator[Bench]:
    name = f"keys-{secrets.token_hex(6)}"
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    await asyncio.wrap_future(admin.create_topics([NewTopic(name, 2, 1)])[name])

    def produce() -> None:
        producer = Producer({"bootstrap.servers": kafka.servers})
        for key, text in texts():
            producer.produce(name, text.encode(), key=key, partition=KEYS.index(key) % 2)
        assert producer.flush(10) == 0

    await asyncio.to_thread(produce)
    yield Bench(
        {"type": "kafka", "bootstrapServers": kafka.servers, "topic": name, "consumerGroup": "ebb",
         "offsetResetPolicy": "earliest"},
        {},
    )  # fmt: skip


async def on_event_hub(servers: tuple[AmqpEmulator, Azurite]) -> AsyncIterator[Bench]:
    amqp, azurite = servers
    name = f"keys-{secrets.token_hex(6)}"
    hub = amqp.tell(lambda namespace: namespace.add_hub(name, 2))
    for key, text in texts():
        event = event_of(text.encode(), {})
        event.annotations["x-opt-partition-key"] = key
        amqp.tell(lambda _, event=event, key=key: hub.put(event, str(KEYS.index(key) % 2)))
    source = {"type": "eventHub", "eventHubName": name, "connection": "Hub", "storageConnection": "S",
              "blobContainer": name, "poisonContainer": f"p-{name}"}  # fmt: skip
    yield Bench(source, {"Hub": amqp.connection_string(), "S": azurite.connection_string})


async def on_service_bus(amqp: AmqpEmulator) -> AsyncIterator[Bench]:
    name = f"keys-{secrets.token_hex(6)}"
    amqp.tell(lambda namespace: namespace.add_queue(name, sessions=True))
    async with (
        ServiceBusClient.from_connection_string(amqp.connection_string()) as client,
        client.get_queue_sender(name) as sender,
    ):
        for key, text in texts():
            await sender.send_messages(ServiceBusMessage(text, session_id=key))
    source = {"type": "serviceBus", "queueName": name, "connection": "Bus", "sessions": True,
              "managementEndpoint": amqp.management_url}  # fmt: skip
    yield Bench(source, {"Bus": amqp.connection_string()})


async def on_sqs(moto: Moto) -> AsyncIterator[Bench]:
    name = f"keys-{secrets.token_hex(6)}.fifo"
    source = {"type": "sqs", "queueName": name, "endpoint": moto.url, "waitTime": 0}
    settings = validate_settings({"source": source, "handler": "handlers.noop:handle"}).source
    assert isinstance(settings, SqsSettings)
    client = client_for(settings, SETTINGS, SystemClock())
    queue = SqsQueue(client, name, create=True)
    for key, text in texts():
        await queue.send(text, {}, key, text)
    yield Bench(source, dict(SETTINGS), asyncio.Lock())  # in moto a look and a take are two steps
    await client.close()


BENCHES: dict[str, tuple[str, Callable[[Any], AsyncIterator[Bench]]]] = {  # the fixture of its server, and itself
    "kafka": ("broker", on_kafka),
    "eventHub": ("amqp_and_azurite", on_event_hub),
    "serviceBus": ("amqp", on_service_bus),
    "sqs": ("moto", on_sqs),
}


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    server, made_by = BENCHES[request.param]
    async for made in made_by(request.getfixturevalue(server)):
        yield made


def test_each_kind_that_knows_keys_is_here() -> None:
    known = {name for name, kind in KINDS.items() if kind.keyed}
    assert known | {"serviceBus", "sqs"} == BENCHES.keys()  # those with sessions, and FIFO queues


async def test_order_of_each_key_with_two_executions_and_handlers_that_fail(bench: Bench) -> None:
    settings = validate_settings(
        {
            "source": bench.source,
            "handler": "handlers.noop:handle",
            "perKey": {},
            "retry": {"initial": 0.3, "factor": 1, "jitter": 0},
            "executionSlice": 60,
        }
    )
    work, deadline = Work(), asyncio.get_running_loop().time() + 120

    async def execute(cycle: int, number: int) -> None:
        source: Any = open_source(settings, bench.environment, cycle=cycle, execution=number, share=(number, 2))
        if bench.one_receives is not None:
            source.receive = one_by_one(source.receive, bench.one_receives)
        try:
            report = await run_execution(source, work.handle, settings, reason_to_stop=never, clock=SystemClock())
            assert report.error is None or "not yet" in report.error
        finally:
            await source.close()

    cycle = 0
    while len(work.done) < len(texts()) and asyncio.get_running_loop().time() < deadline:
        cycle += 1
        await asyncio.gather(execute(cycle, 0), execute(cycle, 1))
    expected = {
        key: [text for number in range(EACH) for text in [f"{key}{number}"] * (1 + FAILING.get(f"{key}{number}", 0))]
        for key in KEYS
    }
    assert work.begun == expected
    assert work.most == dict.fromkeys(KEYS, 1)
