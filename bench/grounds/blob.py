"""Blobs, on the storage emulator."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import Ground, for_each, storage_setting
from tests.azurite import Azurite


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-storage-blob: lease, read and delete each blob of the listing, 16 at once."""
    from azure.storage.blob.aio import ContainerClient

    connection, names = environment["AzureWebJobsStorage"], list[str]()
    async with ContainerClient.from_connection_string(connection, source["containerName"]) as client:

        async def handle(name: str) -> None:
            blob = client.get_blob_client(name)
            lease = await blob.acquire_lease(60, lease_id=str(uuid.uuid4()))
            await (await blob.download_blob(lease=lease)).readall()
            await blob.delete_blob(lease=lease)

        names = [name async for name in client.list_blob_names()]
        await for_each(names, handle)
    return len(names)


GROUND = Ground(Azurite, lambda _, name: {"type": "blob", "containerName": name}, storage_setting, bare, 200)
