"""The bench of a blob container, on the storage emulator with a clock of its own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from functools import partial
from itertools import count
from urllib.parse import unquote

from ebb.core.contract.source import QueueSource
from ebb.core.settings.connection import resolve_connection
from ebb.sources.blob.container import Container
from ebb.sources.blob.settings import BlobSettings
from ebb.sources.blob.source import BlobSource
from ebb.sources.registry import KINDS
from ebb.sources.storage_queue.account import open_account
from tests.azurite import Azurite
from tests.clocks import SystemClockAhead
from tests.contract.benches.bench import Bench


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
