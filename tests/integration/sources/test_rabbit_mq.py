"""What is RabbitMQ's own, against a real broker."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aio_pika
import pytest

from ebb.core.errors import LeaseLostError, SettingsError, SourceError, SourceNotFoundError, SourceUnavailableError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.sources.registry import open_poison, open_source
from tests.rabbit import Rabbit

LEASE = timedelta(seconds=30)


class Bench:
    """A queue of its own on the session's broker."""

    def __init__(self, rabbit: Rabbit, connection: Any, channel: Any) -> None:
        self.name = f"jobs-{secrets.token_hex(6)}"
        self.environment = {"Rabbit": rabbit.url, "Management": rabbit.management_url}
        self.connection, self.channel = connection, channel
        self.opened: list[Any] = []

    def schedule(self, **source: Any) -> ScheduleSettings:
        given = {"type": "rabbitMQ", "queueName": self.name, "connection": "Rabbit", **source}
        return validate_settings({"source": given, "handler": "handlers.noop:handle"})

    def source(self, environment: dict[str, str] | None = None, **source: Any) -> Any:
        self.opened.append(open_source(self.schedule(**source), environment or self.environment))
        return self.opened[-1]

    def poison(self) -> Any:
        self.opened.append(open_poison(self.schedule(), self.environment))
        return self.opened[-1]

    async def declare(self, kind: str = "quorum") -> None:
        await self.channel.declare_queue(self.name, durable=True, arguments={"x-queue-type": kind})

    async def put(self, *texts: str, **about: Any) -> None:
        for text in texts:
            message = aio_pika.Message(text.encode(), delivery_mode=2, **about)
            await self.channel.default_exchange.publish(message, self.name)


@pytest.fixture
async def bench(rabbit: Rabbit) -> AsyncIterator[Bench]:
    connection = await aio_pika.connect(rabbit.url)
    made = Bench(rabbit, connection, await connection.channel())
    await made.declare()
    yield made
    await asyncio.gather(*(each.close() for each in made.opened))
    await connection.close()


async def test_backlog_is_what_keda_counts_by_each_protocol(bench: Bench) -> None:
    await bench.put("1", "2", "3")
    holding = bench.source()
    await holding.receive(1, LEASE)
    assert (await bench.source().measure()).count == 2
    for excluding, count in [(False, 3), (True, 2)]:
        source = bench.source(managementConnection="Management", excludeUnacknowledged=excluding)
        for _ in range(60):
            if (await source.measure()).count == count:
                break
            await asyncio.sleep(0.25)
        assert await source.measure() == type(await source.measure())(count, approximate=True)


@pytest.mark.parametrize("kind", ["quorum", "classic"])
async def test_tries_are_counted_through_failures_and_crashes(bench: Bench, kind: str) -> None:
    await bench.channel.queue_delete(bench.name)
    await bench.declare(kind)
    await bench.put("1", headers={"colour": "blue"}, message_id="m-1")
    for tries in range(1, 7):
        source = bench.source()
        (message,) = await source.receive(10, LEASE)
        assert (message.id, message.dequeue_count, message.properties) == ("m-1", tries, {"colour": "blue"})
        if tries % 3 == 0:
            await source.release(message, timedelta(seconds=0.3))
            assert await source.receive(10, LEASE) == []
            await asyncio.sleep(0.6)
        elif tries % 3 == 1:
            await source.release(message)
        await source.close()  # in the other cases, as a crash does
    assert (await bench.source().measure()).count == 1


async def test_delay_queue_has_the_delay_in_its_name(bench: Bench) -> None:
    await bench.put("1")
    source = bench.source()
    (message,) = await source.receive(1, LEASE)
    await source.release(message, timedelta(seconds=0.2))
    queue = await bench.channel.declare_queue(f"{bench.name}-delay-200", passive=True)
    assert queue.declaration_result.message_count in (0, 1)
    await asyncio.sleep(0.6)
    (again,) = await source.receive(1, LEASE)
    assert again.dequeue_count == 2


async def test_poison_is_shown_put_back_and_removed(bench: Bench) -> None:
    source, poison = bench.source(), bench.poison()
    assert (await poison.count(), await poison.peek(10), await poison.purge(None, 10)) == (0, [], 0)
    await bench.put("1", "2", "2", "3", headers={"colour": "blue"})
    for message in await source.receive(10, LEASE):
        await source.dead_letter(message, f"no {message.text}")
    found = await poison.peek(10)
    assert sorted(each.reason or "" for each in found) == ["no 1", "no 2", "no 2", "no 3"]
    assert len({each.id for each in found}) == 4
    await _counts(poison, 4)
    one = next(each for each in found if each.body == b"1")
    assert await poison.requeue(frozenset({one.id}), 10) == 1
    (again,) = await source.receive(10, LEASE)
    assert (again.body, again.properties, again.dequeue_count) == (b"1", {"colour": "blue"}, 1)
    assert await poison.purge(None, 10, "no such text") == 0
    await _counts(poison, 3)
    assert await poison.purge(None, 1) == 1
    await _counts(poison, 2)
    assert await poison.purge(None, 10) == 2
    assert await poison.count() == 0


async def _counts(place: Any, wanted: int, how: str = "count") -> None:
    """Wait until so many lie there: the broker puts back what was looked at a moment after the answer."""
    for _ in range(400):
        found = await getattr(place, how)()
        if getattr(found, "count", found) == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{found} and not {wanted} lie there")


async def test_message_that_was_moved_twice_is_one_poison_message(bench: Bench) -> None:
    await bench.put("1", "1", message_id="m-1")
    source = bench.source()
    for message in await source.receive(10, LEASE):
        await source.dead_letter(message, "never")
    assert [each.id for each in await bench.poison().peek(10)] == ["m-1"]
    assert await bench.poison().requeue(None, 10) == 1
    assert len(await source.receive(10, LEASE)) == 1


async def test_acknowledgement_timeout_of_the_broker_is_told(bench: Bench, rabbit: Rabbit) -> None:
    """The broker closes the channel under a handler that takes longer than it allows; renewing does not help."""
    rabbit.rpc(
        "application:set_env(rabbit, consumer_timeout, 1500), application:set_env(rabbit, channel_tick_interval, 500)."
    )
    try:
        await bench.put("1")
        source = bench.source()
        (message,) = await source.receive(1, LEASE)

        async def renew() -> None:
            for _ in range(60):
                await source.extend(message, LEASE)
                await asyncio.sleep(0.25)

        with pytest.raises(LeaseLostError, match="raise its consumer_timeout above the longest handler"):
            await renew()
        with pytest.raises(LeaseLostError):
            await source.complete(message)
        (again,) = await source.receive(1, LEASE)  # on a new channel
        await source.complete(again)
    finally:
        rabbit.rpc("application:set_env(rabbit, consumer_timeout, 1800000).")


@pytest.mark.filterwarnings(
    "ignore:coroutine 'Connection.close' was never awaited"
)  # aio-pika, refused at its last step
async def test_wrong_names_and_passwords_are_told(bench: Bench, rabbit: Rabbit) -> None:
    with pytest.raises(SourceNotFoundError, match=r"queue absent does not exist .* check queueName and vhostName"):
        await bench.source(queueName="absent").measure()
    wrong = {"Rabbit": rabbit.url.replace("guest:guest", "guest:wr0ng"), "Management": "http://a:b@127.0.0.1:1"}
    with pytest.raises(SourceUnavailableError, match=r"\(app setting Rabbit\) refuses user guest: check") as refused:
        await bench.source(wrong).measure()
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(SourceUnavailableError, match="refuses virtual host elsewhere: create it"):
        await bench.source(vhostName="elsewhere").receive(1, LEASE)
    with pytest.raises(
        SourceUnavailableError, match=r"management API at 127.0.0.1:1 \(app setting Management\) cannot"
    ):
        await bench.source(wrong, managementConnection="Management").measure()
    with pytest.raises(SourceNotFoundError, match=r"absent does not exist in virtual host / "):
        await bench.source(queueName="absent", managementConnection="Management").measure()
    unauthorized = {**bench.environment, "Management": rabbit.management_url.replace("guest:guest", "guest:wr0ng")}
    with pytest.raises(SourceUnavailableError, match="answered 401: the user of app setting Management needs the tag"):
        await bench.source(unauthorized, managementConnection="Management").measure()
    with pytest.raises(SettingsError, match="app setting Rabbit is not set: set it to the URL of the broker"):
        bench.source({"Other": "1"})
    with pytest.raises(SettingsError, match="is not a URL of this kind"):
        bench.source({"Rabbit": "http://host"})


async def test_missing_package_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("aio_pika", "ebb.sources.rabbit_mq."))]:
        if name != "ebb.sources.rabbit_mq.settings":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aio_pika", None)
    with pytest.raises(
        SettingsError, match=r"needs package aio_pika, which is not installed: pip install ebb-scheduler\[rabbitMQ\]"
    ):
        open_source(bench.schedule(), bench.environment)


async def test_broker_that_was_killed_comes_back_with_what_was_not_done() -> None:
    """By signal 9, with messages in hand; the same sources go on. What was done a second before is done."""
    with Rabbit() as rabbit:
        connection = await aio_pika.connect(rabbit.url)
        channel = await connection.channel(publisher_confirms=True)
        held, last = dict[str, tuple[Any, set[str], set[str]]](), dict[str, Any]()
        for kind in ("classic", "quorum"):
            made = Bench(rabbit, connection, channel)
            await made.declare(kind)
            await made.put(*map(str, range(20)))
            source = made.source()
            batch = await source.receive(10, LEASE)
            for message in batch[:5]:
                await source.complete(message)
            await _counts(source, 10, "measure")
            held[kind] = source, _texts(batch[:5]), _texts(batch[5:])
            last[kind] = batch[-1]
        await asyncio.sleep(1)  # the broker confirms no acknowledgement: so long it has to write them down
        rabbit.write_register()
        rabbit.kill()
        for kind, (source, _, _) in held.items():
            await _is_away(source)
            with pytest.raises(LeaseLostError):
                await source.complete(last[kind])
        rabbit.start()
        for kind, (source, done, in_hand) in held.items():
            found = await _drained(source, 15)
            assert found.keys() == {str(number) for number in range(20)} - done, kind
            assert all(found[text] >= 2 for text in in_hand), kind
            await source.close()


async def _is_away(source: Any) -> None:
    """The source notices, and says so."""
    for _ in range(400):
        try:
            await source.measure()
        except SourceUnavailableError as error:
            if "cannot be reached" in str(error):
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the broker is still there")


def _texts(messages: list[Any]) -> set[str]:
    return {message.text for message in messages}


async def _drained(source: Any, wanted: int) -> dict[str, int]:
    """The texts of all messages with their tries, from a broker that needs a while until it is ready."""
    found: dict[str, int] = {}
    for _ in range(300):
        try:
            batch = await source.receive(10, LEASE)
        except SourceError:
            batch = []
        for message in batch:
            await source.complete(message)
            found[message.text] = message.dequeue_count
        if len(found) >= wanted and not batch:
            return found
        await asyncio.sleep(0 if batch else 0.2)
    raise AssertionError(f"{len(found)} of {wanted} came back: {found}")


RIGHTS: list[tuple[str, dict[str, str], str, str]] = [  # of a user, what it does, and what is missing
    ("nobody", {}, "receive", "the right read on queue {queue} in"),
    ("maker", {"configure": ".*", "read": ".*"}, "release", "the right write on exchange amq.default in"),
    (
        "writer",
        {"read": ".*", "write": ".*"},
        "release",
        "the rights configure and read on queue {queue}-delay-9000 in",
    ),
    ("writer", {"read": ".*", "write": ".*"}, "poison", "the rights configure and read on queue {queue}-poison in"),
]


@pytest.mark.parametrize(("name", "rights", "act", "missing"), RIGHTS)
async def test_right_that_a_user_misses_is_named(
    bench: Bench, rabbit: Rabbit, name: str, rights: dict[str, str], act: str, missing: str
) -> None:
    """Counting needs none of them."""
    await bench.put("1")
    url = await asyncio.to_thread(lambda: rabbit.add_user(name, **rights))
    source = bench.source({"Rabbit": url})
    assert (await source.measure()).count == 1

    async def do() -> None:
        (message,) = await source.receive(1, LEASE)
        await (source.dead_letter(message, "no") if act == "poison" else source.release(message, LEASE * 0.3))

    expected = f"(app setting Rabbit) refuses user {name}: it needs {missing.format(queue=bench.name)}"
    with pytest.raises(SourceUnavailableError, match=re.escape(expected)) as told:
        await do()
    assert "rabbitmqctl set_permissions" in str(told.value)
    await source.close()
    (again,) = await bench.source().receive(1, LEASE)  # nothing was lost
    assert again.body == b"1"
