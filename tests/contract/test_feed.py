"""The contract of `sources.feed.Feed`: what is put comes out of the source, for every kind that can be fed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from ebb.cli.operate.producer import produce, put_all, unix_times
from ebb.core.contract.source import Source
from ebb.core.errors import SourceUnavailableError
from ebb.core.settings.producer_rate import parse_producer_rate
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings
from ebb.sources.feed import Feed
from ebb.sources.registry import KINDS, open_feed, open_source
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.kafka import Kafka
from tests.moto import SETTINGS, Moto
from tests.rabbit import Rabbit

FED = ("blob", "eventHub", "kafka", "rabbitMQ", "serviceBus", "sqs", "storageQueue")
AWAY: dict[str, dict[str, str]] = {  # settings of a place where nothing listens
    "kafka": {"bootstrapServers": "127.0.0.1:9"},
    "sqs": {"endpoint": "http://127.0.0.1:9"},
}


SERVERS = {"eventHub": "amqp", "kafka": "kafka", "rabbitMQ": "rabbit", "serviceBus": "amqp", "sqs": "moto"}


@dataclass
class Place:
    """A place of its own, not made yet."""

    settings: ScheduleSettings
    environment: Mapping[str, str]

    def feed(self) -> Feed:
        found = open_feed(self.settings, self.environment)
        assert found is not None
        return found

    def source(self) -> Source:
        return open_source(self.settings, self.environment)


@pytest.fixture(params=FED)
def place(request: pytest.FixtureRequest) -> Place:
    kind, name = request.param, f"feed-{secrets.token_hex(6)}"
    server: Any = request.getfixturevalue(SERVERS.get(kind, "azurite"))
    environment = dict(SETTINGS)
    source: dict[str, Any] = {"queueName": name}
    if isinstance(server, Azurite):
        environment["AzureWebJobsStorage"] = server.connection_string
        source = {"containerName": name, "prefix": "in"} if kind == "blob" else source
    elif isinstance(server, Kafka):
        source = {"topic": name, "consumerGroup": "ebb", "bootstrapServers": server.servers}
        source["offsetResetPolicy"] = "earliest"
    elif isinstance(server, AmqpEmulator):
        environment["Bus"] = server.connection_string()
        source = {"connection": "Bus"} | ({"queueName": name} if kind == "serviceBus" else {"eventHubName": name})
        if kind == "serviceBus":
            server.tell(lambda namespace: namespace.add_queue(name))
        else:
            server.tell(lambda namespace: namespace.add_hub(name, 2))
            environment["AzureWebJobsStorage"] = request.getfixturevalue("azurite").connection_string
    elif isinstance(server, Rabbit):
        environment["RabbitMQConnection"] = server.url
    elif isinstance(server, Moto):
        source |= {"endpoint": server.url, "waitTime": 0}
    return Place(
        validate_settings({"source": {"type": kind, **source}, "handler": "handlers.noop:handle"}), environment
    )


def test_every_kind_with_a_feed_is_here() -> None:
    assert {kind.name for kind in KINDS.values() if kind.feed is not None} == set(FED)


async def test_what_is_put_comes_out_of_the_source(place: Place) -> None:
    feed, source = place.feed(), place.source()
    bodies = [*unix_times(40), "zażółć\n<&> 🐝".encode()]
    assert [feed.refusal(body) for body in bodies] == [None] * 41
    await put_all(feed, bodies)
    found: list[bytes] = []
    while batch := await source.receive(32, timedelta(seconds=30)):
        found += [message.body for message in batch]
    assert sorted(found) == sorted(bodies)
    assert feed.name
    assert ":" in feed.host
    await asyncio.gather(feed.close(), source.close())


async def test_producer_puts_one_after_the_other_until_it_is_told_to_end(place: Place) -> None:
    feed, source, numbers = place.feed(), place.source(), list[int]()
    await produce(feed, parse_producer_rate("uniform:0.001-0.002s"), None, 3, numbers.append)
    assert numbers == [1, 2, 3]
    six = asyncio.Event()

    def told(number: int) -> None:
        if number == 3:
            six.set()

    endless = asyncio.create_task(produce(feed, parse_producer_rate("uniform:0.001-0.002s"), None, None, told))
    await six.wait()
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)
    batch = await source.receive(32, timedelta(seconds=30))
    assert len(batch) >= 6
    assert all(message.text.isdigit() for message in batch)
    await asyncio.gather(feed.close(), source.close())


async def test_place_that_is_away_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ebb.sources.kafka.cluster.TIMEOUT", 1.0)
    given = place.settings.to_document()
    given["source"] |= AWAY.get(given["source"]["type"], {})
    storage = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:9/a;"
    environment = {
        **SETTINGS,
        "AzureWebJobsStorage": f"{storage}BlobEndpoint=http://127.0.0.1:9/a",
        "RabbitMQConnection": "amqp://guest:guest@127.0.0.1:9/",
        "Bus": "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true",
    }
    feed = Place(validate_settings(given), environment).feed()
    with pytest.raises(SourceUnavailableError, match=r"127\.0\.0\.1:9"):
        await feed.put(b"1")
    await feed.close()
