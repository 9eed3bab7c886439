"""What a record of Kafka is as a message, and as a poison record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaException, Producer
from confluent_kafka import Message as Record

from ebb.core.message import Message
from ebb.sources.kafka.cluster import TIMEOUT, Cluster

KEY, PARTITION, OFFSET, TOMBSTONE = "kafka-key", "kafka-partition", "kafka-offset", "kafka-tombstone"
Headers = list[tuple[str, bytes | None]]


def message_of(record: Record, tries: int) -> Message:
    """A message; its id is topic, partition and offset, which never come again."""
    kind, milliseconds = record.timestamp()
    known = kind != TIMESTAMP_NOT_AVAILABLE and milliseconds > 0
    number, offset = record.partition(), record.offset()
    properties = {name: (value or b"").decode(errors="replace") for name, value in headers_of(record)}
    properties |= {PARTITION: str(number), OFFSET: str(offset)}
    if (key := record.key()) is not None:
        properties[KEY] = bytes(key).decode(errors="replace")
    if record.value() is None:
        properties[TOMBSTONE] = "true"
    return Message(
        f"{record.topic()}-{number}-{offset}",
        bytes(record.value() or b""),
        tries,
        datetime.fromtimestamp(milliseconds / 1000, UTC) if known else None,
        properties,
        f"{number} {offset} {tries} 0",
        key=key_of(record),
    )


def key_of(record: Record) -> str:
    """The record's key; of one without a key its partition, which has an order too."""
    key = record.key()
    return str(record.partition()) if key is None else bytes(key).decode(errors="replace")


def headers_of(record: Record) -> Headers:
    """The record's own headers; a header may come several times."""
    found = record.headers() or []
    pairs = found.items() if isinstance(found, Mapping) else found
    return [(str(name), value.encode() if isinstance(value, str) else value) for name, value in pairs]


async def send(cluster: Cluster, topic: str, record: Record, headers: Sequence[tuple[str, bytes | None]]) -> None:
    """Put the record into `topic`; returns when all replicas in sync have it.

    Raises:
        SourceError: they do not.
    """
    timeout = {"message.timeout.ms": int(TIMEOUT * 1000), "acks": "all", "linger.ms": 0}

    def produce() -> None:
        faults: list[KafkaException] = []
        producer = Producer({**cluster.options, **timeout})
        producer.produce(
            topic,
            record.value(),
            record.key(),
            headers=list(headers),
            on_delivery=lambda fault, _: faults.append(KafkaException(fault)) if fault is not None else None,
        )
        producer.flush(TIMEOUT + 1)
        if faults:
            raise faults[0]

    await cluster.blocking(produce)
