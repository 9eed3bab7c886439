"""What is Event Hubs' own: checkpoints that others read, readers by epoch, shares, layouts, and what is set wrong."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore

from ebb.core.clock import SystemClock
from ebb.core.contract.poison import PoisonPlace
from ebb.core.errors import LeaseLostError, SettingsError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.sources.blob.container import META, Container
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.source import EventHubSource
from ebb.sources.registry import open_poison, open_source
from ebb.sources.storage_queue.account import open_account
from tests.azurite import Azurite
from tests.emulators.amqp.hubs import Hub
from tests.emulators.amqp.policies import SEND, Policy
from tests.emulators.amqp.server import KEY, KEY_NAME, AmqpEmulator

LEASE = timedelta(seconds=30)
API_VERSION = "2025-01-05"  # the newest that the storage emulator takes


class Bench:
    """A hub and containers of their own."""

    def __init__(self, amqp: AmqpEmulator, azurite: Azurite) -> None:
        self.amqp, self.azurite, self.name = amqp, azurite, f"hub-{secrets.token_hex(5)}"
        self.container = f"c-{self.name}"
        self.opened: list[Any] = []
        account = open_account(resolve_connection("S", {"S": azurite.connection_string}), "blob")
        self.checkpoints = Container(account, self.container, create=True)

    @property
    def host(self) -> str:
        """The namespace, as names of checkpoints have it."""
        return f"127.0.0.1:{self.amqp.amqp_port}"

    def hub(self, partitions: int = 2, **options: Any) -> Hub:
        return self.amqp.tell(lambda namespace: namespace.add_hub(self.name, partitions, **options))

    def settings(self, source: Mapping[str, Any] | None = None, **given: Any) -> ScheduleSettings:
        fields = {"type": "eventHub", "eventHubName": self.name, "connection": "Hub", "storageConnection": "S",
                  "blobContainer": self.container, "poisonContainer": f"p-{self.name}", **(source or {})}  # fmt: skip
        return validate_settings({"source": fields, "handler": "handlers.noop:handle", **given})

    def environment(self, key_name: str = KEY_NAME, key: str = KEY) -> dict[str, str]:
        return {"Hub": self.amqp.connection_string(key_name, key), "S": self.azurite.connection_string}

    def source(self, source: Mapping[str, Any] | None = None, cycle: int = 1, **options: Any) -> EventHubSource:
        keys = {name: options.pop(name) for name in ("key_name", "key") if name in options}
        opened = open_source(self.settings(source), self.environment(**keys), cycle=cycle, **options)
        assert isinstance(opened, EventHubSource)
        self.opened.append(opened)
        return opened

    def poison(self) -> PoisonPlace:
        opened = open_poison(self.settings(), self.environment())
        assert opened is not None
        self.opened.append(opened)
        return opened

    def put(self, partition: str, *texts: str) -> None:
        self.amqp.tell(
            lambda namespace: [namespace.hubs[self.name].put(event_of(text.encode(), {}), partition) for text in texts]
        )

    async def metadata(self, partition: str) -> Mapping[str, str]:
        entries = [entry async for entry in self.checkpoints.entries("") if entry.name.endswith(f"/{partition}")]
        return entries[0].metadata if entries else {}


@pytest.fixture
async def bench(amqp: AmqpEmulator, azurite: Azurite) -> AsyncIterator[Bench]:
    made = Bench(amqp, azurite)
    yield made
    await asyncio.gather(*(each.close() for each in made.opened))


async def test_the_checkpoint_is_the_highest_event_up_to_which_all_are_done(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", "a", "b", "c", "d")
    first = bench.source()
    messages = await first.receive(4, LEASE)
    for message in (messages[0], messages[2], messages[3]):
        await first.complete(message)
    await first.close()
    assert (await bench.metadata("0"))["sequencenumber"] == "0"
    second = bench.source(cycle=2)
    (again,) = await second.receive(4, LEASE)
    assert (again.body, again.dequeue_count) == (b"b", 2)
    await second.complete(again)
    await second.close()
    kept = await bench.metadata("0")
    assert (kept["sequencenumber"], kept["offset"], kept.get("ebbmarks")) == ("3", "300", None)
    assert (await bench.source(cycle=3).measure()).count == 0


async def test_the_official_sdk_goes_on_from_our_checkpoint_and_we_from_its(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", *(f"e{number}" for number in range(6)))
    ours = bench.source()
    for message in await ours.receive(2, LEASE):
        await ours.complete(message)
    await ours.close()
    store = BlobCheckpointStore.from_connection_string(
        bench.azurite.connection_string, bench.container, api_version=API_VERSION
    )
    read: list[str] = []

    async def on_event(context: Any, event: EventData) -> None:
        read.append(event.body_as_str())
        if event.body_as_str() == "e3":
            await context.update_checkpoint(event)

    async with EventHubConsumerClient.from_connection_string(
        bench.amqp.connection_string(), consumer_group="$Default", eventhub_name=bench.name, checkpoint_store=store,
        load_balancing_interval=1, retry_total=0,
    ) as client:  # fmt: skip
        reading = asyncio.create_task(client.receive(on_event, starting_position="-1"))
        for _ in range(200):
            await asyncio.sleep(0.05)
            if len(read) == 4:
                break
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    await store.close()
    assert read == ["e2", "e3", "e4", "e5"]
    later = bench.source(cycle=2)
    assert (await later.measure()).count == 2
    assert [message.text for message in await later.receive(6, LEASE)] == ["e4", "e5"]


async def test_what_the_sdk_sends_is_read_with_its_properties(bench: Bench) -> None:
    bench.hub(1)
    async with EventHubProducerClient.from_connection_string(
        bench.amqp.connection_string(), eventhub_name=bench.name, retry_total=0
    ) as client:
        event = EventData("from the SDK")
        event.properties = {"kind": "order", "n": 7}
        await client.send_batch([event, EventData(b"x" * 200_000)])
    message, large = await bench.source().receive(2, LEASE)
    assert (message.body, message.properties) == (b"from the SDK", {"kind": "order", "n": "7"})
    assert large.body == b"x" * 200_000


async def test_a_later_cycle_takes_the_partitions_and_its_checkpoint_stays(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", "a", "b")
    old, new = bench.source(cycle=1), bench.source(cycle=2)
    left = await old.receive(2, LEASE)
    taken = await new.receive(2, LEASE)
    assert [message.dequeue_count for message in taken] == [2, 2]
    for message in taken:
        await new.complete(message)
    await new.close()
    with pytest.raises(LeaseLostError):
        await old.complete(left[0])
    with pytest.raises(LeaseLostError):
        await old.extend(left[0], LEASE)
    await old.release(left[1])
    await old.close()
    assert (await bench.metadata("0"))["sequencenumber"] == "1"


async def test_executions_share_the_partitions_and_nothing_is_handled_twice(bench: Bench) -> None:
    bench.hub(5)
    for partition in range(5):
        bench.put(str(partition), *(f"{partition}/{number}" for number in range(60)))
    handled: list[str] = []

    async def handle(message: Message) -> None:
        handled.append(message.text)

    async def go_on() -> str | None:
        return None

    sources = [bench.source(share=(number, 3)) for number in range(3)]
    settings = bench.settings()
    await asyncio.gather(
        *(run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock()) for source in sources)
    )
    assert sorted(handled) == sorted(f"{partition}/{number}" for partition in range(5) for number in range(60))


async def test_order_is_kept_over_a_failed_try_where_it_is_asked_for(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", *(f"{number:02}" for number in range(12)))
    settings = bench.settings({"ordered": True}, concurrency=8)
    handled: list[str] = []
    failed: list[str] = []

    async def handle(message: Message) -> None:
        await asyncio.sleep(0.005)
        if message.text == "05" and not failed:
            failed.append(message.text)
            raise ValueError("once")
        handled.append(message.text)

    async def go_on() -> str | None:
        return None

    source = bench.source({"ordered": True})
    await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())
    assert handled == [f"{number:02}" for number in range(12)]


async def test_poison_is_copied_shown_put_back_and_purged(bench: Bench) -> None:
    hub = bench.hub(2)
    bench.put("1", "one", "two")
    source, poison = bench.source(), bench.poison()
    for message in await source.receive(2, LEASE):
        await source.dead_letter(message, f"no <{message.text}> ł")
    shown = await poison.peek(5)
    assert [(each.body, each.reason) for each in shown] == [(b"one", "no <one> ł"), (b"two", "no <two> ł")]
    assert await poison.requeue(frozenset({shown[0].id}), 5) == 1
    assert await poison.purge(None, 5) == 1
    assert await poison.count() == 0
    assert hub.partitions["1"].end == 3
    (back,) = await source.receive(5, LEASE)
    assert back.body == b"one"


async def test_the_lag_of_32_partitions_takes_less_than_200_ms(bench: Bench) -> None:
    bench.hub(32)
    for partition in range(32):
        bench.put(str(partition), *"abc")
    times: list[float] = []
    for cycle in range(5):
        source = bench.source(cycle=cycle + 1)
        began = time.perf_counter()
        backlog = await source.measure()
        times.append(time.perf_counter() - began)
        await source.close()
        assert (backlog.count, backlog.partitions) == (96, 32)
    assert min(times) < 0.2, times


@pytest.mark.parametrize(
    ("name", "strategy", "expected"),
    [
        ("dapr-{hub}-$Default-0", "blobMetadata", "Set checkpointStrategy: dapr"),
        ("0", "dapr", "checkpointStrategy dapr, but the checkpoints there are goSdk"),
        ("{host}/{hub}/$default/checkpoint/0", "dapr", "KEDA would count every event for ever"),
    ],
)
async def test_checkpoints_of_another_layout_are_an_error_that_names_the_setting(
    bench: Bench, name: str, strategy: str, expected: str
) -> None:
    bench.hub(1)
    body = b'{"partitionId": "0", "checkpoint": {"sequenceNumber": 3, "offset": "300"}}'
    await bench.checkpoints.put(
        name.format(hub=bench.name, host=bench.host), body, {META + "sequencenumber": "3", META + "offset": "300"}
    )
    with pytest.raises(SourceError, match=expected):
        await bench.source({"checkpointStrategy": strategy}).measure()


async def test_a_layout_of_a_program_is_counted_but_not_read(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", *"abcdef")
    body = b'{"partitionId": "0", "checkpoint": {"sequenceNumber": 3, "offset": "300"}}'
    await bench.checkpoints.put(f"dapr-{bench.name}-$Default-0", body)
    source = bench.source({"checkpointStrategy": "dapr"})
    assert (await source.measure()).count == 2
    with pytest.raises(SourceUnavailableError, match="set checkpointStrategy: blobMetadata"):
        await source.receive(1, LEASE)


async def test_a_checkpoint_that_cannot_be_read_is_named(bench: Bench) -> None:
    bench.hub(1)
    await bench.checkpoints.put(f"{bench.host}/{bench.name}/$default/checkpoint/0", b"", {META + "sequencenumber": "x"})
    with pytest.raises(SourceError, match="checkpoint/0 cannot be read"):
        await bench.source().measure()


@pytest.mark.parametrize(
    ("given", "options", "error", "expected"),
    [
        (
            {},
            {"key": "wrong"},
            SourceUnavailableError,
            "does not accept policy RootManageSharedAccessKey in app setting Hub",
        ),
        ({}, {"key_name": "writer", "key": "k"}, SourceUnavailableError, "has not the right Listen"),
        ({"eventHubName": "absent"}, {}, SourceNotFoundError, "hub absent does not exist in namespace .* eventHubName"),
        ({"consumerGroup": "nobody"}, {}, SourceNotFoundError, "consumer group nobody of hub .* correct consumerGroup"),
    ],
)
async def test_wrong_settings_are_told_when_reading(
    bench: Bench, given: dict[str, Any], options: dict[str, Any], error: type[SourceError], expected: str
) -> None:
    bench.hub(1)
    bench.amqp.tell(lambda namespace: namespace.policies.add(Policy("writer", "k", frozenset({SEND}))))
    with pytest.raises(error, match=expected) as told:
        await bench.source(given, **options).receive(1, LEASE)
    assert "wrong" not in str(told.value)


async def test_a_container_that_a_program_should_have_made_is_named(bench: Bench) -> None:
    bench.hub(1)
    with pytest.raises(SourceNotFoundError, match=r"correct blobContainer or storageConnection"):
        await bench.source({"checkpointStrategy": "goSdk"}).measure()


def test_a_hub_without_a_name_is_refused(bench: Bench) -> None:
    with pytest.raises(SettingsError, match="set eventHubName"):
        bench.source({"eventHubName": None})


async def test_a_connection_that_is_cut_is_told_and_the_next_execution_goes_on(bench: Bench) -> None:
    bench.hub(1)
    bench.put("0", "a", "b")
    first = bench.source()
    (message, _) = await first.receive(2, LEASE)
    await first.complete(message)
    bench.amqp.drop_connections()
    with pytest.raises(SourceUnavailableError, match=f"hub {bench.name} of namespace 127.0.0.1"):
        await first.receive(1, LEASE)
    await first.close()
    (again,) = await bench.source(cycle=2).receive(2, LEASE)
    assert (again.body, again.dequeue_count) == (b"b", 2)


async def test_partitions_that_are_added_meanwhile_are_read_by_the_next_cycle(bench: Bench) -> None:
    hub = bench.hub(1)
    bench.put("0", "a")
    first = bench.source()
    assert (await first.measure()).partitions == 1
    (message,) = await first.receive(5, LEASE)
    await first.complete(message)
    await first.close()
    hub.partitions["1"] = type(hub.partitions["0"])()
    bench.put("1", "b")
    second = bench.source(cycle=2)
    backlog = await second.measure()
    assert (backlog.count, backlog.partitions) == (1, 2)
    assert [each.text for each in await second.receive(5, LEASE)] == ["b"]
