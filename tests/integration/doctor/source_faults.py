"""Sources on their servers with one thing wrong each: the settings, and what the doctor and a cycle say of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.azurite import Azurite
from tests.emulators.amqp.policies import LISTEN, SEND, Policy
from tests.emulators.amqp.server import KEY_NAME, AmqpEmulator
from tests.kafka import Kafka
from tests.kafka_login import RefusingBroker
from tests.moto import REGION, SETTINGS, Moto
from tests.rabbit import Rabbit

Servers = Callable[[str], Any]


@dataclass
class Ground:
    """A source on its server, as `schedules.yaml` has it, and its app settings."""

    source: dict[str, Any]
    settings: dict[str, str] = field(default_factory=dict[str, str])
    more: dict[str, Any] = field(default_factory=dict[str, Any])  # of the schedule

    def but(self, settings: dict[str, str] | None = None, **source: Any) -> Ground:
        """The same with other values."""
        return replace(self, source={**self.source, **source}, settings={**self.settings, **(settings or {})})


def _name() -> str:
    return f"jobs-{secrets.token_hex(6)}"


def blob_on(servers: Servers) -> Ground:
    azurite: Azurite = servers("azurite")
    return Ground(
        {"type": "blob", "containerName": _name(), "connection": "Files"}, {"Files": azurite.connection_string}
    )


def sqs_on(servers: Servers) -> Ground:
    moto: Moto = servers("moto")
    return Ground({"type": "sqs", "queueName": _name(), "endpoint": moto.url, "region": REGION}, dict(SETTINGS))


def _sqs_for(servers: Servers, *actions: str) -> Ground:
    """A queue that is there, and a user who may do `actions` alone."""
    moto: Moto = servers("moto_with_rights")
    name = _name()
    queue_maker = moto.add_user(f"{name}-maker", "sqs:*")
    ground = Ground({"type": "sqs", "queueName": name, "endpoint": moto.url, "region": REGION}, queue_maker)
    _make_queue(ground)
    return ground.but(moto.add_user(name, *actions))


def _make_queue(ground: Ground) -> None:
    client: Any = boto3.client(
        "sqs",
        endpoint_url=ground.source["endpoint"],
        region_name=REGION,
        aws_access_key_id=ground.settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ground.settings["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_queue(QueueName=ground.source["queueName"])


def _rabbit_for(servers: Servers, **rights: str) -> Ground:
    """A queue that is there, and a user with these rights alone."""
    rabbit, ground = servers("rabbit"), rabbit_on(servers)
    name: str = ground.source["queueName"]
    rabbit.add_queue(name)
    return ground.but({"Rabbit": rabbit.add_user(name, **rights)})


def rabbit_on(servers: Servers) -> Ground:
    rabbit: Rabbit = servers("rabbit")
    return Ground({"type": "rabbitMQ", "queueName": _name(), "connection": "Rabbit"}, {"Rabbit": rabbit.url})


def kafka_on(servers: Servers) -> Ground:
    kafka: Kafka = servers("kafka")
    name = _name()
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)
    return Ground({"type": "kafka", "topic": name, "consumerGroup": name, "bootstrapServers": kafka.servers})


def _kafka_login(broker: RefusingBroker) -> Ground:
    source = {"type": "kafka", "topic": "jobs", "consumerGroup": "jobs", "bootstrapServers": broker.servers}
    login = {"securityProtocol": "sasl_plaintext", "username": "me", "password": "Secret"}
    return Ground({**source, **login}, {"Secret": "wr0ng"})


def bus_on(servers: Servers, **options: Any) -> Ground:
    amqp: AmqpEmulator = servers("amqp")
    name = _name()
    amqp.tell(lambda namespace: namespace.add_queue(name, **options))
    _policies(amqp)
    source = {"type": "serviceBus", "queueName": name, "connection": "Bus", "managementEndpoint": amqp.management_url}
    return Ground(source, {"Bus": amqp.connection_string()})


def hub_on(servers: Servers) -> Ground:
    amqp: AmqpEmulator = servers("amqp")
    azurite: Azurite = servers("azurite")
    name = _name()
    amqp.tell(lambda namespace: namespace.add_hub(name, 2))
    _policies(amqp)
    source = {"type": "eventHub", "eventHubName": name, "connection": "Hub", "storageConnection": "Points"}
    settings = {"Hub": amqp.connection_string(), "Points": azurite.connection_string}
    return Ground({**source, "blobContainer": name, "poisonContainer": f"{name}-poison"}, settings)


def _policies(amqp: AmqpEmulator) -> None:
    reader, writer = Policy("reader", "r", frozenset({LISTEN})), Policy("writer", "w", frozenset({SEND}))
    amqp.tell(lambda namespace: (namespace.policies.add(reader), namespace.policies.add(writer)))


def _as(servers: Servers, setting: str, name: str, key: str) -> dict[str, str]:
    return {setting: servers("amqp").connection_string(name, key)}


CASES: dict[str, tuple[Callable[[Servers], Ground], str, tuple[str, ...]]] = {  # the fault, its code, what is said
    "blob, no container": (blob_on, "source-missing", ("container jobs-", "app setting Files", "containerName")),
    "blob, wrong key": (
        lambda servers: blob_on(servers).but(
            {"Files": servers("azurite").connection_string.replace(servers("azurite").key, "d3Jvbmc=")}
        ),
        "source-unavailable",
        ("refuses access", "Files needs a valid key or SAS"),
    ),
    "sqs, no queue": (sqs_on, "source-missing", ("queue jobs-", "check queueName, region and accountId")),
    "sqs, no credentials": (
        lambda servers: replace(sqs_on(servers), settings={"AWS_SHARED_CREDENTIALS_FILE": "/does/not/exist"}),
        "source-settings",
        ("there are no AWS credentials", "AWS_ACCESS_KEY_ID"),
    ),
    "sqs, unknown key": (
        lambda servers: _sqs_for(servers, "sqs:*").but({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}),
        "source-unavailable",
        ("403 InvalidClientTokenId", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
    ),
    "sqs, other secret": (
        lambda servers: _sqs_for(servers, "sqs:*").but({"AWS_SECRET_ACCESS_KEY": "wr0ng"}),
        "source-unavailable",
        ("403 SignatureDoesNotMatch", "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
    ),
    "sqs, no right to count": (
        lambda servers: _sqs_for(servers, "sqs:GetQueueUrl"),
        "source-unavailable",
        ("403 AccessDenied", "need the right sqs:GetQueueAttributes on queue jobs-", "their IAM policy"),
    ),
    "rabbitMQ, no queue": (
        rabbit_on,
        "source-missing",
        ("queue jobs-", "app setting Rabbit", "queueName and vhostName"),
    ),
    "rabbitMQ, wrong password": (
        lambda servers: rabbit_on(servers).but({"Rabbit": servers("rabbit").url.replace("guest:guest", "guest:wr0ng")}),
        "source-unavailable",
        ("app setting Rabbit", "refuses user guest", "configure, write and read"),
    ),
    "rabbitMQ, no setting": (
        lambda servers: replace(rabbit_on(servers), settings={}),
        "source-settings",
        ("app setting Rabbit is not set: set it to the URL of the broker",),
    ),
    "kafka, no topic": (
        lambda servers: kafka_on(servers).but(topic="absent"),
        "source-missing",
        ("topic absent does not exist", "check topic"),
    ),
    "kafka, no password": (
        lambda servers: kafka_on(servers).but(username="me", password="Secret", securityProtocol="sasl_ssl"),
        "source-settings",
        ("app setting Secret is not set: set it to the password of me",),
    ),
    "kafka, login refused": (
        lambda servers: _kafka_login(servers("refusing_broker")),
        "source-unavailable",
        ("refuses user me", "another username, or another password in app setting Secret"),
    ),
    "serviceBus, no queue": (
        lambda servers: bus_on(servers).but(queueName="absent"),
        "source-missing",
        ("queue absent does not exist in namespace", "app setting Bus", "create it"),
    ),
    "serviceBus, wrong key": (
        lambda servers: bus_on(servers).but(_as(servers, "Bus", KEY_NAME, "wr0ng")),
        "source-unavailable",
        (f"does not accept policy {KEY_NAME} in app setting Bus",),
    ),
    "serviceBus, no right to listen": (
        lambda servers: bus_on(servers).but(_as(servers, "Bus", "writer", "w")),
        "source-unavailable",
        ("policy writer in app setting Bus has not the right Listen",),
    ),
    "serviceBus, sessions not said": (
        lambda servers: bus_on(servers, sessions=True),
        "source-unavailable",
        ("set sessions: true",),
    ),
    "serviceBus, no sessions": (
        lambda servers: bus_on(servers).but(sessions=True),
        "source-unavailable",
        ("does not require sessions: set sessions: false",),
    ),
    "eventHub, no hub": (
        lambda servers: hub_on(servers).but(eventHubName="absent"),
        "source-missing",
        ("hub absent does not exist in namespace", "correct eventHubName"),
    ),
    "eventHub, wrong key": (
        lambda servers: hub_on(servers).but(_as(servers, "Hub", KEY_NAME, "wr0ng")),
        "source-unavailable",
        (f"does not accept policy {KEY_NAME} in app setting Hub",),
    ),
    "eventHub, no container": (
        lambda servers: hub_on(servers).but(checkpointStrategy="goSdk"),
        "source-missing",
        ("correct blobContainer or storageConnection",),
    ),
}  # fmt: skip

UNSEEN_BY_COUNTING: dict[str, tuple[Callable[[Servers], Ground], str, tuple[str, ...]]] = {
    "sqs, no right to receive": (
        lambda servers: _sqs_for(servers, "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
        "source-unavailable",
        ("need the right sqs:ReceiveMessage on queue jobs-",),
    ),
    "rabbitMQ, no right to read": (
        _rabbit_for,
        "source-unavailable",
        ("refuses user jobs-", "it needs the right read on queue jobs-", "rabbitmqctl set_permissions"),
    ),
    "serviceBus, no right to manage": (
        lambda servers: bus_on(servers).but(_as(servers, "Bus", "reader", "r")),
        "count-estimated",
        ("policy reader in app setting Bus has not the right Manage",),
    ),
    "serviceBus, delivery count": (
        lambda servers: bus_on(servers, max_delivery=5),
        "moved-without-reason",
        ("MaxDeliveryCount of queue jobs-", "is 5, maxDequeueCount is 5"),
    ),
    "eventHub, no such group": (
        lambda servers: hub_on(servers).but(consumerGroup="nobody"),
        "source-missing",
        ("consumer group nobody of hub jobs-", "correct consumerGroup"),
    ),
    "eventHub, no right to listen": (
        lambda servers: hub_on(servers).but(_as(servers, "Hub", "writer", "w")),
        "source-unavailable",
        ("policy writer in app setting Hub has not the right Listen",),
    ),
}  # fmt: skip


UNSEEN_BY_RECEIVING: dict[str, tuple[Callable[[Servers], Ground], str, tuple[str, ...]]] = {
    "sqs, no right to delete": (
        lambda servers: _sqs_for(
            servers, "sqs:Get*", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:SendMessage"
        ),
        "source-unavailable",
        ("need the right sqs:DeleteMessage on queue jobs-",),
    ),
    "rabbitMQ, no right to write": (
        lambda servers: _rabbit_for(servers, read=".*"),
        "source-unavailable",
        ("it needs the right write on exchange amq.default in virtual host /",),
    ),
}
