"""Storage queues under test, on the storage emulator."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

from ebb.core.contract.source import QueueSource
from ebb.core.settings.connection import resolve_connection
from ebb.sources.registry import KINDS
from ebb.sources.storage_queue.account import open_account
from ebb.sources.storage_queue.client import QueueClient
from ebb.sources.storage_queue.settings import StorageQueueSettings
from ebb.sources.storage_queue.source import StorageQueueSource
from ebb.sources.storage_queue.text import Encoding, decode_body, encode_body, open_envelope
from tests.azurite import Azurite
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested


async def storage_bench(azurite: Azurite, encoding: Encoding) -> AsyncIterator[Bench]:
    name = f"contract-{secrets.token_hex(6)}"
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    account = open_account(connection)
    queue, poison = QueueClient(account, name, create=True), QueueClient(account, f"{name}-poison", create=True)
    await queue.create()
    opened: list[QueueSource] = []

    def source(queue_name: str) -> QueueSource:
        settings = StorageQueueSettings(type="storageQueue", queueName=queue_name, messageEncoding=encoding)
        opened.append(StorageQueueSource(settings, connection))
        return opened[-1]

    async def put(body: bytes) -> object:
        return await queue.put(encode_body(body, encoding))

    async def poisoned() -> list[tuple[bytes, str]]:
        entries = await poison.receive(32, timedelta(seconds=2))
        opened_envelopes = [open_envelope(decode_body(entry.text, encoding)) for entry in entries]
        return [(body, str(fields["reason"])) for body, fields in opened_envelopes]

    yield Bench(
        source(name),
        put,
        poisoned,
        asyncio.sleep,
        source(f"{name}-absent"),
        lambda: source(name),
        KINDS["storageQueue"],
        tells_oldest=True,
    )
    for each in opened:
        await each.close()


NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Zm9v;QueueEndpoint=http://127.0.0.1:9/a"
TESTED = Tested(
    Place({"queueName": "abc"}, {"AzureWebJobsStorage": NOWHERE}),
    server="azurite",
    bench=storage_bench,
    variants=("none",),
    encodings=("base64",),
    place=lambda azurite, name: Place({"queueName": name}, {"AzureWebJobsStorage": azurite.connection_string}),
    killed_in="tests/integration/sources/test_storage_queue_outage.py::"
    "test_outage_ends_the_execution_and_loses_no_message",
)
