"""What is Service Bus' own: sessions, dead letters, leases that the entity fixes, rights, and what is set wrong."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.amqp import AmqpAnnotatedMessage

from ebb.core.clock import SystemClock
from ebb.core.contract.poison import PoisonPlace
from ebb.core.errors import SettingsError, SourceNotFoundError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.sources.registry import open_poison, open_source
from ebb.sources.service_bus.source import ServiceBusSource
from tests.emulators.amqp.namespace import Topic
from tests.emulators.amqp.policies import LISTEN, SEND, Policy
from tests.emulators.amqp.queues import Queue
from tests.emulators.amqp.server import KEY, KEY_NAME, AmqpEmulator

LEASE = timedelta(seconds=30)


class Bench:
    """Entities of their own on the session's emulator, and sources on them."""

    def __init__(self, amqp: AmqpEmulator) -> None:
        self.amqp, self.name = amqp, f"jobs-{secrets.token_hex(6)}"
        self.opened: list[Any] = []

    def queue(self, **options: Any) -> Queue:
        return self.amqp.tell(lambda namespace: namespace.add_queue(self.name, **options))

    def settings(self, source: Mapping[str, Any] | None = None, **given: Any) -> ScheduleSettings:
        place = {} if source and "topicName" in source else {"queueName": self.name}
        fields = {"type": "serviceBus", "managementEndpoint": self.amqp.management_url, **place, **(source or {})}
        return validate_settings(
            {"source": {"connection": "Bus", **fields}, "handler": "handlers.noop:handle", **given}
        )

    def source(
        self, source: Mapping[str, Any] | None = None, key_name: str = KEY_NAME, key: str = KEY
    ) -> ServiceBusSource:
        opened = open_source(self.settings(source), {"Bus": self.amqp.connection_string(key_name, key)})
        assert isinstance(opened, ServiceBusSource)
        self.opened.append(opened)
        return opened

    def poison(self, source: Mapping[str, Any] | None = None) -> PoisonPlace:
        opened = open_poison(self.settings(source), {"Bus": self.amqp.connection_string()})
        assert opened is not None
        self.opened.append(opened)
        return opened

    async def send(self, *texts: str, session: str | None = None, **about: Any) -> None:
        async with (
            ServiceBusClient.from_connection_string(self.amqp.connection_string()) as client,
            client.get_queue_sender(self.name) as sender,
        ):
            await sender.send_messages([ServiceBusMessage(text, session_id=session, **about) for text in texts])


@pytest.fixture
async def bench(amqp: AmqpEmulator) -> AsyncIterator[Bench]:
    made = Bench(amqp)
    yield made
    await asyncio.gather(*(each.close() for each in made.opened))


async def work(source: ServiceBusSource, handle: Any, settings: ScheduleSettings) -> ExecutionReport:
    async def go_on() -> str | None:
        return None

    return await run_execution(source, handle, settings, reason_to_stop=go_on, clock=SystemClock())


async def test_a_session_is_handled_in_its_order_by_one_execution_at_a_time(bench: Bench) -> None:
    bench.queue(sessions=True)
    for key in "abcd":
        await bench.send(*(f"{key}{number}" for number in range(6)), session=key)
    settings = bench.settings({"sessions": True}, concurrency=8)
    handled: list[str] = []
    at_work: set[str] = set()
    failed: set[str] = set()

    async def handle(message: Message) -> None:
        key = message.text[0]
        assert key not in at_work, "two messages of one session at once"
        at_work.add(key)
        await asyncio.sleep(0.01)
        at_work.discard(key)
        if message.text in ("a2", "c3") and message.text not in failed:
            failed.add(message.text)
            raise ValueError("once")
        handled.append(message.text)

    sources = [bench.source({"sessions": True}) for _ in range(2)]
    reports = await asyncio.gather(*(work(source, handle, settings) for source in sources))
    assert [report.error for report in reports if report.failed == 0] in ([], [None], [None, None])
    for key in "abcd":
        assert [text for text in handled if text[0] == key] == [f"{key}{number}" for number in range(6)]


async def test_a_lock_shorter_than_the_visibility_timeout_is_renewed_in_time(bench: Bench) -> None:
    bench.queue(lock_duration=2)
    await bench.send("slow")
    handled: list[int] = []

    async def handle(message: Message) -> None:
        handled.append(message.dequeue_count)
        await asyncio.sleep(5)

    report = await work(bench.source(), handle, bench.settings(visibilityTimeout=60))
    assert (handled, report.processed, report.lost) == ([1], 1, 0)


async def test_a_copy_that_is_tried_again_keeps_its_count_its_id_and_its_properties(bench: Bench) -> None:
    queue = bench.queue()
    await bench.send("again", message_id="first", application_properties={"kind": "order"}, subject="s")
    source = bench.source()
    (message,) = await source.receive(1, LEASE)
    await source.release(message, timedelta(seconds=1))
    assert queue.counts() == (0, 1)
    (again,) = await receive_soon(source)
    assert (again.id, again.dequeue_count, again.properties) == ("first", 2, {"kind": "order"})
    await source.release(again)
    (third,) = await source.receive(1, LEASE)
    assert (third.id, third.dequeue_count) == ("first", 3)


async def receive_soon(source: ServiceBusSource) -> list[Message]:
    for _ in range(5):
        if found := await source.receive(1, LEASE):
            return found
    return []


async def test_a_subscription_abandons_at_once_and_reaches_no_other_one(bench: Bench) -> None:
    topic = f"topic-{secrets.token_hex(4)}"
    for name in ("mine", "other"):
        bench.amqp.tell(lambda namespace, name=name: namespace.add_subscription(topic, name))
    place = {"topicName": topic, "subscriptionName": "mine"}
    settings = bench.settings(place)
    assert settings.source is not None
    assert not settings.source.can.delaying
    async with (
        ServiceBusClient.from_connection_string(bench.amqp.connection_string()) as client,
        client.get_topic_sender(topic) as sender,
    ):
        await sender.send_messages(ServiceBusMessage("to all"))
    source = bench.source(place)
    assert (await source.measure()).count == 1
    (message,) = await source.receive(1, LEASE)
    await source.release(message, LEASE)
    (again,) = await source.receive(1, LEASE)
    await source.dead_letter(again, "never")
    assert await bench.poison(place).count() == 1
    place_of_topic = bench.amqp.namespace.find(topic)
    assert isinstance(place_of_topic, Topic)
    assert place_of_topic.subscriptions["other"].counts() == (1, 0)


async def test_dead_letters_are_shown_put_back_and_purged(bench: Bench) -> None:
    queue = bench.queue()
    await bench.send("one", "two", "three", application_properties={"kind": "order"})
    source, poison = bench.source(), bench.poison()
    for message in await source.receive(3, LEASE):
        await source.dead_letter(message, f"no {message.text}")
    shown = await poison.peek(10)
    assert [(each.body, each.reason) for each in shown] == [
        (b"one", "no one"), (b"two", "no two"), (b"three", "no three")
    ]  # fmt: skip
    assert await poison.count() == 3
    assert await poison.requeue(frozenset({shown[1].id}), 10) == 1
    assert await poison.purge(None, 10, text="THREE") == 1
    assert await poison.count() == 1
    (back,) = await source.receive(5, LEASE)
    assert (back.body, back.dequeue_count, back.properties) == (b"two", 1, {"kind": "order"})
    assert queue.dead is not None
    assert [each.lock for each in queue.dead.items.values()] == [None]  # what was not meant is not held


async def test_a_dead_letter_of_the_service_has_its_reason(bench: Bench) -> None:
    queue = bench.queue()
    queue.max_delivery = 1
    await bench.send("one")
    source = bench.source()
    (message,) = await source.receive(1, LEASE)
    await source.release(message)
    (dead,) = await bench.poison().peek(1)
    assert dead.reason == ("MaxDeliveryCountExceeded: Message could not be consumed after 1 delivery attempts.")


async def test_an_entity_that_moves_messages_first_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.queue().max_delivery = 3
    await bench.source().measure()
    assert "set MaxDeliveryCount of the entity above it" in caplog.text


async def test_a_body_that_is_no_bytes_is_unreadable_not_lost(bench: Bench) -> None:
    bench.queue()
    async with (
        ServiceBusClient.from_connection_string(bench.amqp.connection_string()) as client,
        client.get_queue_sender(bench.name) as sender,
    ):
        await sender.send_messages(AmqpAnnotatedMessage(value_body={"a": 1}))
    (message,) = await bench.source().receive(1, LEASE)
    assert "send bytes or text" in message.properties["ebb-unreadable"]


async def test_without_the_right_to_manage_the_count_is_an_estimate(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.queue()
    await bench.send("one", "two", "three")
    bench.amqp.tell(lambda namespace: namespace.policies.add(Policy("reader", "k", frozenset({LISTEN}))))
    caplog.set_level(logging.WARNING)
    backlog = await bench.source(key_name="reader", key="k").measure()
    assert (backlog.count, backlog.approximate) == (3, True)
    assert "policy reader in app setting Bus has not the right Manage" in caplog.text
    assert "estimate" in caplog.text


@pytest.mark.parametrize(
    ("key_name", "key", "expected"),
    [
        (KEY_NAME, "wrong", "does not accept policy RootManageSharedAccessKey in app setting Bus"),
        ("writer", "k", "policy writer in app setting Bus has not the right Listen for queue"),
    ],
)
async def test_keys_and_rights_that_are_missing_are_named(bench: Bench, key_name: str, key: str, expected: str) -> None:
    bench.queue()
    bench.amqp.tell(lambda namespace: namespace.policies.add(Policy("writer", "k", frozenset({SEND}))))
    source = bench.source(key_name=key_name, key=key)
    for ask in (source.measure(), source.receive(1, LEASE)):
        with pytest.raises(SourceUnavailableError) as told:
            await ask
        assert expected in str(told.value)
        assert "wrong" not in str(told.value)


async def test_names_that_are_not_there_are_told(bench: Bench) -> None:
    source = bench.source({"queueName": "absent"})
    for ask in (source.measure(), source.receive(1, LEASE)):
        with pytest.raises(SourceNotFoundError, match=r"queue absent does not exist in namespace .* setting Bus"):
            await ask


@pytest.mark.parametrize(
    ("entity", "setting", "way_out"), [(True, False, "sessions: true"), (False, True, "sessions: false")]
)
async def test_sessions_set_wrong_are_told_as_the_setting(
    bench: Bench, entity: bool, setting: bool, way_out: str
) -> None:
    bench.queue(sessions=entity)
    source = bench.source({"sessions": setting})
    for ask in (source.measure(), source.receive(1, LEASE)):
        with pytest.raises(SourceUnavailableError, match=f"set {way_out}"):
            await ask


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "serviceBus"}, "needs queueName, or topicName and subscriptionName"),
        ({"type": "serviceBus", "topicName": "t"}, "needs queueName, or topicName and subscriptionName"),
        ({"type": "serviceBus", "queueName": "q", "topicName": "t", "subscriptionName": "s"}, "and not both"),
        ({"type": "serviceBus", "queueName": "a b"}, "queueName"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(source: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        validate_settings({"source": source, "handler": "handlers.noop:handle"})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK forgets the cut socket
async def test_a_server_that_is_away_is_told_and_comes_back(bench: Bench) -> None:
    queue = bench.queue(lock_duration=2)
    await bench.send("one")
    source = bench.source()
    assert len(await source.receive(1, LEASE)) == 1
    with AmqpEmulator() as other:  # one of its own: the session's is used by others
        other.tell(lambda namespace: namespace.queues.update({bench.name: queue}))
        text = other.connection_string()
        settings = bench.settings({"managementEndpoint": other.management_url})
        away = open_source(settings, {"Bus": text})
        bench.opened.append(away)
        other.pause()
        with pytest.raises(SourceUnavailableError, match=f"queue {bench.name} of namespace 127.0.0.1"):
            await away.receive(1, LEASE)
        other.resume()
        await asyncio.sleep(2)
        (message,) = await away.receive(1, LEASE)
        assert message.dequeue_count == 2
