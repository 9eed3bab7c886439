"""Bad input for each kind of source, against its server: the doctor and a cycle's opening say what to do."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Consumer

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
from tests.integration.doctor.sample import write_app
from tests.integration.doctor.source_faults import (
    CASES,
    UNSEEN_BY_COUNTING,
    UNSEEN_BY_RECEIVING,
    Ground,
    Servers,
    blob_on,
    bus_on,
    hub_on,
    kafka_on,
    rabbit_on,
    sqs_on,
)
from tests.kafka_login import RefusingBroker
from tests.moto import ACCOUNT, REGION, SETTINGS, Moto


@pytest.fixture(scope="module")
def moto_with_rights() -> Iterator[Moto]:
    """The session's checks nothing."""
    with Moto() as running:
        yield running


@pytest.fixture
def refusing_broker() -> Iterator[RefusingBroker]:
    with RefusingBroker() as running:
        yield running


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


@pytest.mark.parametrize(
    "make",
    [blob_on, hub_on, kafka_on, rabbit_on, bus_on, sqs_on],
    ids=lambda made: made.__name__.removesuffix("_on"),
)
def test_only_what_lies_in_its_poison_place_is_found_in_a_healthy_source(
    make: Callable[[Servers], Ground], servers: Servers, azurite: Azurite, tmp_path: Path
) -> None:
    ground = make(servers).but(**({"offsetResetPolicy": "earliest"} if make is kafka_on else {}))
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
    ground = sqs_on(servers)

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
    ground = kafka_on(servers)
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
