"""The lag of a hub: what its partitions hold, against checkpoints that are seen to be the right ones."""

from __future__ import annotations

import asyncio

from ebb.core.contract.source import Measurement
from ebb.core.errors import SourceError, SourceNotFoundError
from ebb.sources.event_hub.blobs import read_container
from ebb.sources.event_hub.checkpoints import FUNCTIONS_CONTAINER, Hub
from ebb.sources.event_hub.detection import Blob, Detected, detect, mismatches
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.lag import Partition, lag_of_partition, total_lag
from ebb.sources.event_hub.settings import EventHubSettings
from ebb.sources.storage_queue.account import StorageAccount


async def measured(source: EventHubSettings, hub: Hub, client: HubClient, account: StorageAccount) -> Measurement:
    """The lag as KEDA counts it.

    Raises:
        SourceNotFoundError: there is no such hub, or no container where another program should have made it.
        SourceError: the checkpoints there are others than the settings say, or cannot be read.
    """
    # Both end, whatever becomes of the other: who closes the client afterwards finds it at rest.
    partitions, blobs = await asyncio.gather(_partitions(client), _blobs(source, account), return_exceptions=True)
    if isinstance(partitions, BaseException):
        raise partitions
    if isinstance(blobs, BaseException):
        raise blobs
    detected = detect(hub, blobs)
    for mismatch in mismatches(hub, source.checkpoint_strategy, _container(source), detected):
        raise SourceError(str(mismatch))
    numbers = _numbers(source, detected)
    lags = [lag_of_partition(each, numbers.get(each.id)) for each in partitions]
    return Measurement(total_lag(lags, len(partitions)).total, partitions=len(partitions))


async def _partitions(client: HubClient) -> list[Partition]:
    return await client.ends(await client.partitions())


async def _blobs(source: EventHubSettings, account: StorageAccount) -> list[Blob]:
    """The container that the settings name, and the one that Functions writes to whatever they name."""
    names = dict.fromkeys((_container(source), FUNCTIONS_CONTAINER))
    found = await asyncio.gather(*(read_container(account, name) for name in names))
    if found[0] is None and source.checkpoint_strategy != "blobMetadata":
        raise SourceNotFoundError(
            f"container {_container(source)} does not exist at {account.host} (app setting {account.connection.name}): "
            "correct blobContainer or storageConnection, or let the reader write its first checkpoint"
        )
    return [blob for blobs in found for blob in blobs or ()]


def _container(source: EventHubSettings) -> str:
    return FUNCTIONS_CONTAINER if source.checkpoint_strategy == "azureFunction" else source.blob_container


def _numbers(source: EventHubSettings, detected: Detected) -> dict[str, int]:
    used = detected.used
    if used is None:
        return {}
    if used.faults:
        partition, fault = next(iter(sorted(used.faults.items())))
        raise SourceError(
            f"the checkpoint {used.container}/{used.names[partition]} cannot be read: {fault}. Remove it, or let the "
            "reader write it again"
        )
    return dict(used.numbers)
