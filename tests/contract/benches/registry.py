"""The runs of the contract of sources, and the bench of each kind. A new kind gets a line in both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.contract.benches.bench import Bench
from tests.contract.benches.blob import blob_bench
from tests.contract.benches.event_hub import event_hub_bench
from tests.contract.benches.kafka import kafka_bench
from tests.contract.benches.rabbit_mq import rabbit_bench
from tests.contract.benches.service_bus import service_bus_bench
from tests.contract.benches.sqs import sqs_bench
from tests.contract.benches.storage_queue import storage_bench

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

BENCHES: dict[str, tuple[str, Callable[[Any, Any], AsyncIterator[Bench]]]] = {  # the fixture of its server, and itself
    "blob": ("azurite_with_clock", blob_bench),
    "eventHub": ("amqp_and_azurite", event_hub_bench),
    "kafka": ("kafka", kafka_bench),
    "rabbitMQ": ("rabbit", rabbit_bench),
    "serviceBus": ("amqp", service_bus_bench),
    "sqs": ("moto", sqs_bench),
    "storageQueue": ("azurite", storage_bench),
}
