"""Blobs under test: on the storage emulator with a clock of its own, for the shortest lease of a blob is 15 s."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from urllib.parse import unquote

import pytest

from ebb.core.contract.source import QueueSource
from ebb.core.settings.connection import resolve_connection
from ebb.sources.blob.container import Container
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.source import BlobSource
from ebb.sources.registry import KINDS
from ebb.sources.storage_queue.account import open_account
from tests.azurite import Azurite
from tests.clocks import SystemClockAhead
from tests.kinds.bench import Bench
from tests.kinds.tested import Cut, Place, Tested
from tests.outage import Outage


@pytest.fixture(scope="module")
def azurite_with_clock() -> Iterator[Azurite]:
    """Its clock goes ahead, so that no test waits for a lease."""
    with Azurite(own_clock=True) as running:
        yield running


async def blob_bench(azurite: Azurite, when_done: str) -> AsyncIterator[Bench]:
    name, numbers, clock = f"contract-{secrets.token_hex(6)}", count(), SystemClockAhead()
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    account = open_account(connection, "blob")
    container, poison = Container(account, name), Container(account, f"{name}-poison")
    await container.make()
    opened: list[QueueSource] = []

    def source(container_name: str) -> QueueSource:
        given = {"type": "blob", "containerName": container_name, "prefix": "in", "whenDone": when_done}
        opened.append(BlobSource(BlobSettings.model_validate(given), connection, clock))
        return opened[-1]

    async def pass_time(seconds: float) -> None:
        azurite.pass_time(seconds)
        clock.step(seconds)

    async def put(body: bytes) -> object:
        return container.check(await container.put(f"in/{next(numbers):06} ł&+.txt", body), 201)

    async def poisoned() -> list[tuple[bytes, str]]:
        entries = [entry async for entry in poison.entries("")]
        bodies = [(await poison.call("GET", entry.name)).body for entry in entries]
        return [(body, unquote(entry.metadata["ebbreason"])) for body, entry in zip(bodies, entries, strict=True)]

    another = partial(source, name)
    missing = source(f"{name}-absent")
    kind = KINDS["blob"]
    yield Bench(another(), put, poisoned, pass_time, missing, another, kind, 300, 15.0, 10_000, True, now=azurite.now)
    await asyncio.gather(*(each.close() for each in opened))


def _place(azurite: Azurite, name: str) -> Place:
    return Place({"containerName": name, "prefix": "in"}, {"AzureWebJobsStorage": azurite.connection_string})


@asynccontextmanager
async def _cut(azurite: Azurite) -> AsyncIterator[Cut]:
    port = int(azurite.endpoint("blob").rsplit(":", 1)[1].partition("/")[0])
    async with Outage(port) as way:
        connection = azurite.connection_string.replace(f":{port}/", f":{way.port}/")

        async def back() -> None:
            azurite.pass_time(15)
            await way.back()

        place = Place(
            {"containerName": f"jobs-{secrets.token_hex(6)}", "connection": "Storage"}, {"Storage": connection}
        )
        yield Cut(place, way.away, back)


NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;BlobEndpoint=http://127.0.0.1:9/a"
TESTED = Tested(
    Place({"containerName": "abc"}, {"AzureWebJobsStorage": NOWHERE}),
    server="azurite_with_clock",
    bench=blob_bench,
    variants=("delete", "keep", "move"),
    place=_place,
    cut=_cut,
    without={"hints": "all that goes wrong shows when it is counted"},
)
