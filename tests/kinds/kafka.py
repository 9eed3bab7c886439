"""Topics of Kafka under test, on a broker."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from functools import partial

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ebb.core.contract.source import QueueSource
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.poison import KafkaPoison
from ebb.sources.kafka.settings import KafkaSettings
from ebb.sources.kafka.source import KafkaSource
from ebb.sources.registry import KINDS
from tests.kafka import Kafka
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested


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


def _place(kafka: Kafka, name: str) -> Place:
    about = {"bootstrapServers": kafka.servers, "offsetResetPolicy": "earliest"}
    return Place({"topic": name, "consumerGroup": "ebb", **about})


TESTED = Tested(
    Place({"bootstrapServers": "127.0.0.1:9", "topic": "abc", "consumerGroup": "ebb"}),
    server="kafka",
    bench=kafka_bench,
    variants=("three",),
    place=_place,
    patience={"ebb.sources.kafka.cluster.TIMEOUT": 1.0},
    killed_in="tests/integration/sources/test_kafka.py::test_broker_that_was_killed_comes_back_with_what_was_not_done",
)
