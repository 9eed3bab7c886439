"""Topics of Kafka, on a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.grounds.ground import PAGE, Ground
from tests.kafka import Kafka


def _source(kafka: Kafka, name: str) -> dict[str, Any]:
    about = {"bootstrapServers": kafka.servers, "offsetResetPolicy": "earliest"}
    return {"type": "kafka", "topic": name, "consumerGroup": name, **about}


def _wide_source(kafka: Kafka, name: str, partitions: int) -> dict[str, Any]:
    """On a new topic with so many partitions."""
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)
    return _source(kafka, name)


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """confluent-kafka: the one partition, up to 32 messages at a time, a commit after each time."""
    from confluent_kafka import Consumer, TopicPartition

    def drain() -> int:
        consumer = Consumer(
            {
                "bootstrap.servers": source["bootstrapServers"],
                "group.id": source["consumerGroup"],
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
            }
        )
        consumer.assign([TopicPartition(source["topic"], 0, 0)])
        done = 0
        while done < count:
            page = consumer.consume(PAGE, 0.05)
            done += len(page)
            if page:
                consumer.commit(offsets=[TopicPartition(source["topic"], 0, done)], asynchronous=False)
        consumer.close()
        return done

    return await asyncio.to_thread(drain)


GROUND = Ground(
    Kafka,
    _source,
    lambda _: {},
    bare,
    5000,
    wide_source=_wide_source,
    ahead=16.0,
    at_least=4000,  # 30 MiB of messages
)
