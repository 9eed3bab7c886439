"""Storage queues, on the storage emulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import PAGE, Ground, for_each, storage_setting
from tests.azurite import Azurite


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-storage-queue: pages of 32, 16 deletes at once."""
    from azure.storage.queue.aio import QueueClient

    done = 0
    connection = environment["AzureWebJobsStorage"]
    async with QueueClient.from_connection_string(connection, source["queueName"]) as client:
        while True:
            pages = client.receive_messages(messages_per_page=PAGE, visibility_timeout=60).by_page()
            found = await anext(pages, None)
            if found is None:
                return done
            page = [message async for message in found]
            await for_each(page, client.delete_message)
            done += len(page)


GROUND = Ground(
    Azurite,
    lambda _, name: {"type": "storageQueue", "queueName": name, "messageEncoding": "none"},
    storage_setting,
    bare,
    300,
)
