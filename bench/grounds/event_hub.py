"""Event hubs, on the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bench.grounds.ground import PAGE, Ground
from bench.grounds.namespace import Namespace


async def bare(source: Mapping[str, Any], environment: Mapping[str, str], count: int) -> int:
    """azure-eventhub: the one partition, up to 32 events at a time, a checkpoint in a blob after each time."""
    from azure.eventhub.aio import EventHubConsumerClient
    from azure.eventhub.extensions.checkpointstoreblobaio import BlobCheckpointStore
    from azure.storage.blob.aio import ContainerClient

    done, all_done = 0, asyncio.Event()
    storage, container = environment["AzureWebJobsStorage"], f"{source['blobContainer']}-bare"
    async with ContainerClient.from_connection_string(storage, container) as made:
        await made.create_container()
    store = BlobCheckpointStore.from_connection_string(storage, container, api_version="2019-07-07")

    async def handle(context: Any, page: list[Any]) -> None:
        nonlocal done
        done += len(page)
        if page:
            await context.update_checkpoint(page[-1])
        if done >= count:
            all_done.set()

    async with store, EventHubConsumerClient.from_connection_string(
        environment["AzureWebJobsEventHub"],
        consumer_group=source["consumerGroup"],
        eventhub_name=source["eventHubName"],
        checkpoint_store=store,
    ) as client:  # fmt: skip
        reading = asyncio.create_task(
            client.receive_batch(handle, max_batch_size=PAGE, partition_id="0", starting_position="-1")
        )
        await all_done.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return done


GROUND = Ground(
    Namespace,
    Namespace.hub,
    lambda server: server.environment,
    bare,
    2000,
    wide_server=Namespace,
)
