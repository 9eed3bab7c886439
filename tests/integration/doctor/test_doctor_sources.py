"""Bad input for each kind of source, against its server: the doctor and a cycle's opening say what to do."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ebb.cli.doctor.examine import examine
from ebb.cli.doctor.finding import Finding
from ebb.cli.doctor.subject import Supplied, read_subject
from ebb.control.opening import open_cycle
from ebb.core.clock import SystemClock
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState, Verdict
from ebb.core.row.schedule_row import Intent
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.services import Services, read_schedules
from ebb.sources.registry import open_feed, open_source
from ebb.sources.sqs.queue import SqsQueue
from ebb.sources.sqs.settings import SqsSettings
from ebb.sources.sqs.source import client_for
from ebb.store.memory import MemoryStore
from handlers.noop import handle
from tests.azurite import Azurite
from tests.emulators.amqp.policies import LISTEN, SEND, Policy
from tests.emulators.amqp.server import KEY_NAME, AmqpEmulator
from tests.integration.doctor.sample import write_app
from tests.kafka import Kafka
from tests.kafka_login import RefusingBroker
from tests.moto import ACCOUNT, REGION, SETTINGS, Moto
from tests.rabbit import Rabbit

Servers = Callable[[str], Any]


@pytest.fixture(scope="module")
def moto_with_rights() -> Iterator[Moto]:
    """The session's checks nothing."""
    with Moto() as running:
        yield running


@pytest.fixture
def refusing_broker() -> Iterator[RefusingBroker]:
    with RefusingBroker() as running:
        yield running


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


def _blob(servers: Servers) -> Ground:
    azurite: Azurite = servers("azurite")
    return Ground(
        {"type": "blob", "containerName": _name(), "connection": "Files"}, {"Files": azurite.connection_string}
    )


def _sqs(servers: Servers) -> Ground:
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
    rabbit, ground = servers("rabbit"), _rabbit(servers)
    name: str = ground.source["queueName"]
    rabbit.add_queue(name)
    return ground.but({"Rabbit": rabbit.add_user(name, **rights)})


def _rabbit(servers: Servers) -> Ground:
    rabbit: Rabbit = servers("rabbit")
    return Ground({"type": "rabbitMQ", "queueName": _name(), "connection": "Rabbit"}, {"Rabbit": rabbit.url})


def _kafka(servers: Servers) -> Ground:
    kafka: Kafka = servers("kafka")
    name = _name()
    admin = AdminClient({"bootstrap.servers": kafka.servers})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)
    return Ground({"type": "kafka", "topic": name, "consumerGroup": name, "bootstrapServers": kafka.servers})


def _kafka_login(broker: RefusingBroker) -> Ground:
    source = {"type": "kafka", "topic": "jobs", "consumerGroup": "jobs", "bootstrapServers": broker.servers}
    login = {"securityProtocol": "sasl_plaintext", "username": "me", "password": "Secret"}
    return Ground({**source, **login}, {"Secret": "wr0ng"})


def _bus(servers: Servers, **options: Any) -> Ground:
    amqp: AmqpEmulator = servers("amqp")
    name = _name()
    amqp.tell(lambda namespace: namespace.add_queue(name, **options))
    _policies(amqp)
    source = {"type": "serviceBus", "queueName": name, "connection": "Bus", "managementEndpoint": amqp.management_url}
    return Ground(source, {"Bus": amqp.connection_string()})


def _hub(servers: Servers) -> Ground:
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
    "blob, no container": (_blob, "source-missing", ("container jobs-", "app setting Files", "containerName")),
    "blob, wrong key": (
        lambda servers: _blob(servers).but(
            {"Files": servers("azurite").connection_string.replace(servers("azurite").key, "d3Jvbmc=")}
        ),
        "source-unavailable",
        ("refuses access", "Files needs a valid key or SAS"),
    ),
    "sqs, no queue": (_sqs, "source-missing", ("queue jobs-", "check queueName, region and accountId")),
    "sqs, no credentials": (
        lambda servers: replace(_sqs(servers), settings={"AWS_SHARED_CREDENTIALS_FILE": "/does/not/exist"}),
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
    "rabbitMQ, no queue": (_rabbit, "source-missing", ("queue jobs-", "app setting Rabbit", "queueName and vhostName")),
    "rabbitMQ, wrong password": (
        lambda servers: _rabbit(servers).but({"Rabbit": servers("rabbit").url.replace("guest:guest", "guest:wr0ng")}),
        "source-unavailable",
        ("app setting Rabbit", "refuses user guest", "configure, write and read"),
    ),
    "rabbitMQ, no setting": (
        lambda servers: replace(_rabbit(servers), settings={}),
        "source-settings",
        ("app setting Rabbit is not set: set it to the URL of the broker",),
    ),
    "kafka, no topic": (
        lambda servers: _kafka(servers).but(topic="absent"),
        "source-missing",
        ("topic absent does not exist", "check topic"),
    ),
    "kafka, no password": (
        lambda servers: _kafka(servers).but(username="me", password="Secret", securityProtocol="sasl_ssl"),
        "source-settings",
        ("app setting Secret is not set: set it to the password of me",),
    ),
    "kafka, login refused": (
        lambda servers: _kafka_login(servers("refusing_broker")),
        "source-unavailable",
        ("refuses user me", "another username, or another password in app setting Secret"),
    ),
    "serviceBus, no queue": (
        lambda servers: _bus(servers).but(queueName="absent"),
        "source-missing",
        ("queue absent does not exist in namespace", "app setting Bus", "create it"),
    ),
    "serviceBus, wrong key": (
        lambda servers: _bus(servers).but(_as(servers, "Bus", KEY_NAME, "wr0ng")),
        "source-unavailable",
        (f"does not accept policy {KEY_NAME} in app setting Bus",),
    ),
    "serviceBus, no right to listen": (
        lambda servers: _bus(servers).but(_as(servers, "Bus", "writer", "w")),
        "source-unavailable",
        ("policy writer in app setting Bus has not the right Listen",),
    ),
    "serviceBus, sessions not said": (
        lambda servers: _bus(servers, sessions=True),
        "source-unavailable",
        ("set sessions: true",),
    ),
    "serviceBus, no sessions": (
        lambda servers: _bus(servers).but(sessions=True),
        "source-unavailable",
        ("does not require sessions: set sessions: false",),
    ),
    "eventHub, no hub": (
        lambda servers: _hub(servers).but(eventHubName="absent"),
        "source-missing",
        ("hub absent does not exist in namespace", "correct eventHubName"),
    ),
    "eventHub, wrong key": (
        lambda servers: _hub(servers).but(_as(servers, "Hub", KEY_NAME, "wr0ng")),
        "source-unavailable",
        (f"does not accept policy {KEY_NAME} in app setting Hub",),
    ),
    "eventHub, no container": (
        lambda servers: _hub(servers).but(checkpointStrategy="goSdk"),
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
        lambda servers: _bus(servers).but(_as(servers, "Bus", "reader", "r")),
        "count-estimated",
        ("policy reader in app setting Bus has not the right Manage",),
    ),
    "serviceBus, delivery count": (
        lambda servers: _bus(servers, max_delivery=5),
        "moved-without-reason",
        ("MaxDeliveryCount of queue jobs-", "is 5, maxDequeueCount is 5"),
    ),
    "eventHub, no such group": (
        lambda servers: _hub(servers).but(consumerGroup="nobody"),
        "source-missing",
        ("consumer group nobody of hub jobs-", "correct consumerGroup"),
    ),
    "eventHub, no right to listen": (
        lambda servers: _hub(servers).but(_as(servers, "Hub", "writer", "w")),
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


def app_of(folder: Path, ground: Ground) -> Path:
    """An app with this source alone."""
    token = secrets.token_hex(4)
    write_app(folder, f"q-{token}", f"Hub{token}")
    schedule = {"source": ground.source, "handler": "handlers.noop:handle", **ground.more}
    (folder / "schedules.yaml").write_text(yaml.safe_dump({"schedules": {"jobs": schedule}}))
    return folder


def findings_of(folder: Path, ground: Ground, azurite: Azurite) -> list[Finding]:
    storage = {"AzureWebJobsStorage": azurite.connection_string, "EbbTablePrefix": f"Ebb{secrets.token_hex(4)}"}
    return examine(read_subject(app_of(folder, ground), Supplied(environment={**storage, **ground.settings})))


@pytest.fixture
def servers(request: pytest.FixtureRequest) -> Servers:
    return request.getfixturevalue


def check(finding: Finding, code: str, said: tuple[str, ...]) -> None:
    assert finding.code == code
    assert finding.what.startswith("schedule jobs: ")
    for each in said:
        assert each in finding.what
    assert "wr0ng" not in f"{finding}"


@pytest.mark.filterwarnings("ignore:coroutine 'Connection.close' was never awaited")  # aio-pika, when it is refused
@pytest.mark.parametrize("case", CASES)
async def test_fault_is_told_by_a_cycle_which_goes_on(case: str, servers: Servers, tmp_path: Path) -> None:
    make, _, said = CASES[case]
    ground = make(servers)
    store = MemoryStore()
    services = Services(read_schedules(app_of(tmp_path, ground), ground.settings), store, environment=ground.settings)
    await update(store, "jobs", lambda row: replace(row, intent=Intent.RUNNING))
    opening = await open_cycle(services, CycleState("jobs", "hub", owner="hub/ebb-jobs/1"))
    assert opening.verdict is Verdict.GO
    assert opening.decision.executions == 0
    assert opening.wait.seconds > 0
    for each in said:
        assert each in (opening.error or "")
    assert "wr0ng" not in (opening.error or "")


@pytest.mark.filterwarnings("ignore:coroutine 'Connection.close' was never awaited")
@pytest.mark.parametrize("case", {**CASES, **UNSEEN_BY_COUNTING, **UNSEEN_BY_RECEIVING})
def test_fault_is_found_by_the_doctor(case: str, servers: Servers, azurite: Azurite, tmp_path: Path) -> None:
    make, code, said = {**CASES, **UNSEEN_BY_COUNTING, **UNSEEN_BY_RECEIVING}[case]
    (finding,) = findings_of(tmp_path, make(servers), azurite)
    check(finding, code, said)


@pytest.mark.parametrize("case", [case for case, (_, code, _) in UNSEEN_BY_COUNTING.items() if "source-" in code])
async def test_fault_that_counting_does_not_see_ends_the_execution_with_its_reason(case: str, servers: Servers) -> None:
    make, _, said = UNSEEN_BY_COUNTING[case]
    ground = make(servers)
    settings = validate_settings({"source": ground.source, "handler": "handlers.noop:handle"})

    async def go_on() -> None:
        return None

    source = open_source(settings, ground.settings)
    report = await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
    await source.close()
    assert (report.ended, report.received) == ("failed", 0)
    for each in said:
        assert each in (report.error or "")


@pytest.mark.parametrize("make", [_blob, _hub, _kafka, _rabbit, _bus, _sqs], ids=lambda made: made.__name__[1:])
def test_only_what_lies_in_its_poison_place_is_found_in_a_healthy_source(
    make: Callable[[Servers], Ground], servers: Servers, azurite: Azurite, tmp_path: Path
) -> None:
    ground = make(servers).but(**({"offsetResetPolicy": "earliest"} if make is _kafka else {}))
    settings = validate_settings({"source": ground.source, "handler": "handlers.noop:handle"})

    async def put() -> None:
        feed = open_feed(settings, ground.settings)
        assert feed is not None
        await feed.put(b"1767225600")
        await feed.close()

    async def give_up() -> None:
        source: Any = open_source(settings, ground.settings)
        (message,) = await source.receive(1, timedelta(seconds=30))
        await source.dead_letter(message, "no such order")
        await source.close()

    asyncio.run(put())
    assert findings_of(tmp_path, ground, azurite) == []
    asyncio.run(give_up())
    (finding,) = findings_of(tmp_path, ground, azurite)
    check(finding, "poison-waiting", ("1 message in the poison place of jobs-",))
    assert finding.severity == "warning"


def test_redrive_policy_that_moves_messages_first_is_found(servers: Servers, azurite: Azurite, tmp_path: Path) -> None:
    ground = _sqs(servers)

    async def make() -> None:
        client = client_for(SqsSettings.model_validate(ground.source), SETTINGS, SystemClock())
        name = ground.source["queueName"]
        dead, queue = SqsQueue(client, f"{name}-dead", create=True), SqsQueue(client, name, create=True)
        await dead.redrive()
        policy = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead.name}", "maxReceiveCount": 5}
        await queue.call("SetQueueAttributes", Attributes={"RedrivePolicy": json.dumps(policy)})
        await client.close()

    asyncio.run(make())
    (finding,) = findings_of(tmp_path, ground, azurite)
    check(finding, "moved-without-reason", ("moves messages after 5 receives, maxDequeueCount is 5",))
    assert findings_of(tmp_path, replace(ground, more={"maxDequeueCount": 4}), azurite) == []


def test_group_that_another_app_reads_by_is_found(servers: Servers, azurite: Azurite, tmp_path: Path) -> None:
    ground = _kafka(servers)
    about = {"bootstrap.servers": ground.source["bootstrapServers"], "group.id": ground.source["consumerGroup"]}
    member = Consumer({**about, "client.id": "the-other-app"})
    member.subscribe([ground.source["topic"]])
    try:
        for _ in range(300):
            member.poll(0.1)
            if member.assignment():
                break
        (finding,) = findings_of(tmp_path, ground, azurite)
        check(finding, "group-in-use", (f"consumer group {ground.source['consumerGroup']}", "the-other-app"))
        assert finding.severity == "error"
    finally:
        member.close()
