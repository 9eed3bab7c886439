"""Event hubs under test: on the AMQP emulator, with checkpoints on the storage emulator."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import pytest

from ebb.core.contract.source import QueueSource
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.namespace_connection import resolve_namespace
from ebb.sources.event_hub.events import event_of
from ebb.sources.event_hub.poison import EventHubPoison
from ebb.sources.event_hub.settings import EventHubSettings
from ebb.sources.event_hub.source import EventHubSource
from ebb.sources.registry import KINDS
from tests.azurite import Azurite
from tests.emulators.amqp.server import AmqpEmulator
from tests.kinds.bench import Bench
from tests.kinds.tested import Cut, Place, Tested


@pytest.fixture
def amqp_and_azurite(amqp: AmqpEmulator, azurite: Azurite) -> tuple[AmqpEmulator, Azurite]:
    """Hubs, and where their checkpoints are."""
    return amqp, azurite


async def event_hub_bench(servers: tuple[AmqpEmulator, Azurite], _: str) -> AsyncIterator[Bench]:
    amqp, azurite = servers
    name, epochs = f"contract-{secrets.token_hex(6)}", count(1)
    hub = amqp.tell(lambda namespace: namespace.add_hub(name, 4))
    connection = resolve_namespace("Hub", {"Hub": amqp.connection_string()})
    storage = resolve_connection("Storage", {"Storage": azurite.connection_string})
    opened: list[EventHubSource] = []

    def source(hub_name: str, share: tuple[int, int] = (0, 1)) -> QueueSource:
        settings = EventHubSettings.model_validate(
            {"type": "eventHub", "eventHubName": hub_name, "poisonContainer": name}
        )
        opened.append(EventHubSource(settings, connection, storage, None, share, next(epochs)))
        return opened[-1]

    def shares(executions: int) -> list[QueueSource]:
        return [source(name, (number, executions)) for number in range(executions)]

    async def put(body: bytes) -> object:
        return amqp.tell(lambda _: hub.put(event_of(body, {})))

    async def poisoned() -> list[tuple[bytes, str]]:
        settings = EventHubSettings.model_validate({"type": "eventHub", "eventHubName": name, "poisonContainer": name})
        place = EventHubPoison(settings, connection, storage)
        return [(each.body, each.reason or "") for each in await place.peek(32)]

    another = partial(source, name)
    yield Bench(
        another(),
        put,
        poisoned,
        asyncio.sleep,
        source(f"{name}-absent"),
        another,
        KINDS["eventHub"],
        exact=10_000,
        shares=shares,
    )
    await asyncio.gather(*(each.close() for each in opened))


def _place(servers: tuple[AmqpEmulator, Azurite], name: str) -> Place:
    amqp, azurite = servers
    amqp.tell(lambda namespace: namespace.add_hub(name, 2))
    environment = {"Bus": amqp.connection_string(), "AzureWebJobsStorage": azurite.connection_string}
    return Place({"eventHubName": name, "connection": "Bus"}, environment)


@asynccontextmanager
async def _cut(servers: tuple[AmqpEmulator, Azurite]) -> AsyncIterator[Cut]:
    _, azurite = servers
    name = f"jobs-{secrets.token_hex(6)}"
    with AmqpEmulator() as amqp:  # one of its own: the session's is used by others
        amqp.tell(lambda namespace: namespace.add_hub(name, 1))
        environment = {"Hub": amqp.connection_string(), "Points": azurite.connection_string}
        source = {"eventHubName": name, "connection": "Hub", "storageConnection": "Points"}
        more = {"blobContainer": name, "poisonContainer": f"{name}-poison"}

        async def away() -> None:
            amqp.pause()

        async def back() -> None:
            amqp.resume()

        yield Cut(Place({**source, **more}, environment), away, back)


NOWHERE = {
    "Bus": "Endpoint=sb://127.0.0.1:9;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true",
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;BlobEndpoint=http://127.0.0.1:9/a",
}
TESTED = Tested(
    Place({"eventHubName": "abc", "connection": "Bus"}, NOWHERE),
    server="amqp_and_azurite",
    bench=event_hub_bench,
    variants=("four",),
    place=_place,
    cut=_cut,
)
