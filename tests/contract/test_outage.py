"""Each source whose server is away for a while says so, and goes on with what was not done when it is back.

Servers that keep their messages over a kill are killed where the source's own tests are (`OWN`). The others lose theirs
with their process, so here the way to them is cut, under messages in hand.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ebb.core.errors import SourceUnavailableError
from ebb.core.settings.validation import validate_settings
from ebb.sources.registry import KINDS, open_feed, open_source
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.moto import SETTINGS, Moto
from tests.outage import Outage

ROOT = Path(__file__).parents[2]
LEASE, SHORT = timedelta(seconds=30), timedelta(seconds=15)  # 15 s: the shortest lease of a blob
Cut = Callable[[], Awaitable[object]]
OWN = {  # a kill, or an outage, of their own
    "kafka": "tests/integration/sources/test_kafka.py::test_broker_that_was_killed_comes_back_with_what_was_not_done",
    "rabbitMQ": "tests/integration/sources/test_rabbit_mq.py::"
    "test_broker_that_was_killed_comes_back_with_what_was_not_done",
    "serviceBus": "tests/integration/sources/test_service_bus.py::test_a_server_that_is_away_is_told_and_comes_back",
    "storageQueue": "tests/integration/sources/test_storage_queue_outage.py::"
    "test_outage_ends_the_execution_and_loses_no_message",
}
HERE = ("blob", "eventHub", "sqs")
WITHOUT_SERVER = ("memory", "tick")


def test_each_kind_is_here_or_where_it_is_said() -> None:
    missing = KINDS.keys() - {*OWN, *HERE, *WITHOUT_SERVER}
    assert not missing, f"say of {', '.join(missing)} how its server goes away: in OWN, HERE or WITHOUT_SERVER"
    assert sorted((*OWN, *HERE, *WITHOUT_SERVER)) == list(KINDS)
    for place in OWN.values():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


async def _goes_on(source: dict[str, Any], environment: dict[str, str], away: Cut, back: Cut) -> None:
    settings = validate_settings({"source": source, "handler": "handlers.noop:handle"})
    feed = open_feed(settings, environment)
    assert feed is not None
    for text in (b"done", b"in hand", b"waits"):
        await feed.put(text)
    await feed.close()
    first: Any = open_source(settings, environment, cycle=1)
    done, held = [await _one(first, SHORT) for _ in range(2)]
    await first.complete(done)
    partitioned = KINDS[source["type"]].partitioned
    if partitioned:
        await asyncio.sleep(1)  # what is done is written down a moment later
    await away()
    with pytest.raises(SourceUnavailableError):
        await _until_noticed(first)
    if not partitioned:  # there it is written down later, and lost with its reader
        with pytest.raises(SourceUnavailableError):
            await first.complete(held)
    await first.close()
    await back()
    again: Any = open_source(settings, environment, cycle=2)
    found: dict[bytes, int] = {}
    async with asyncio.timeout(100):
        while len(found) < 2:
            for message in await again.receive(10, LEASE):
                found[message.body] = message.dequeue_count
                await again.complete(message)
            await asyncio.sleep(0.2)
    await again.close()
    assert found.keys() == {b"done", b"in hand", b"waits"} - {done.body}
    assert found[held.body] == 2


async def _until_noticed(source: Any) -> None:
    """Receive until the source raises: what it had fetched before it may still give."""
    async with asyncio.timeout(60):
        while True:
            await source.receive(1, LEASE)
            await asyncio.sleep(0.05)


async def _one(source: Any, lease: timedelta) -> Any:
    (message,) = await source.receive(1, lease)
    return message


async def test_blobs(azurite: Azurite) -> None:
    port = int(azurite.endpoint("blob").rsplit(":", 1)[1].partition("/")[0])
    async with Outage(port) as way:
        connection = azurite.connection_string.replace(f":{port}/", f":{way.port}/")
        source = {"type": "blob", "containerName": f"jobs-{secrets.token_hex(6)}", "connection": "Storage"}
        await _goes_on(source, {"Storage": connection}, way.away, way.back)


async def test_sqs(moto: Moto) -> None:
    async with Outage(moto.port) as way:
        source = {"type": "sqs", "queueName": f"jobs-{secrets.token_hex(6)}", "waitTime": 0}
        await _goes_on({**source, "endpoint": f"http://127.0.0.1:{way.port}"}, dict(SETTINGS), way.away, way.back)


async def test_event_hubs(azurite: Azurite) -> None:
    name = f"jobs-{secrets.token_hex(6)}"
    with AmqpEmulator() as amqp:  # one of its own: the session's is used by others
        amqp.tell(lambda namespace: namespace.add_hub(name, 1))
        environment = {"Hub": amqp.connection_string(), "Points": azurite.connection_string}
        source = {"type": "eventHub", "eventHubName": name, "connection": "Hub", "storageConnection": "Points"}
        more = {"blobContainer": name, "poisonContainer": f"{name}-poison"}

        async def away() -> None:
            amqp.pause()

        async def back() -> None:
            amqp.resume()

        await _goes_on({**source, **more}, environment, away, back)
