"""Events of a hub: an execution reads its share of the partitions, from where their checkpoints are.

No event is leased: a partition has one reader, by its epoch, which is the number of the cycle. The checkpoint is the
highest event up to which all are done; what is done or tried beyond stands beside it. What cannot be handled is copied
to a container.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ebb.core.clock import Clock, SystemClock
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceUnavailableError
from ebb.core.message import Message
from ebb.core.settings.connection import Connection, resolve_connection
from ebb.core.settings.namespace_connection import NamespaceConnection, resolve_namespace
from ebb.sources.blob.container import Container
from ebb.sources.event_hub.checkpoint_store import CheckpointStore
from ebb.sources.event_hub.events import message_of
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.event_hub.measuring import measured
from ebb.sources.event_hub.poison import put_poison
from ebb.sources.event_hub.reader import HubReader
from ebb.sources.event_hub.settings import EventHubSettings, hub_of
from ebb.sources.positions import PositionWrites
from ebb.sources.storage_queue.account import StorageAccount, open_account


class EventHubSource:
    """A `Source` on one hub, for execution `share[0]` of `share[1]`. Connections open at the first call."""

    def __init__(
        self,
        source: EventHubSettings,
        connection: NamespaceConnection,
        storage: Connection,
        clock: Clock | None = None,
        share: tuple[int, int] = (0, 1),
        epoch: int = 0,
        of_a_key: int | None = None,
    ) -> None:
        """`of_a_key`: how many events of one key are given before one of them is done; None: any number."""
        self._of_a_key = of_a_key
        self._source, self._clock, self._share, self._epoch = source, clock or SystemClock(), share, epoch
        self._hub = hub_of(source, connection)
        self._storage = storage
        self._client = HubClient(connection, self._hub.name, self._hub.consumer_group)
        self._reader: HubReader | None = None
        self._receiving = asyncio.Lock()
        self._positions = PositionWrites(f"hub {self._hub.name}")
        self._closed = False

    async def measure(self) -> Measurement:
        """The lag as KEDA counts it, and the partitions that cap the executions. Four requests.

        Raises:
            SourceError: the checkpoints there are not those that the settings name.
        """
        self._require_open()
        if self._reader is not None:
            await self._reader.write()
        return await measured(self._source, self._hub, self._client, self._account)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """As the contract says; nothing is leased, the partitions are this execution's."""
        async with self._receiving:
            reader = await self._started()
            if reader is None:
                return []
            given = await reader.next(limit, self._clock.now().timestamp())
            if given:
                await reader.write()  # with the tries: who crashes with an event is counted
            return [message_of(each.partition, each.number, each.event, each.tries, self._epoch) for each in given]

    async def complete(self, message: Message) -> None:
        reader, partition, number = self._at(message)
        if reader.event(partition, number) is not None:
            reader.finish(partition, number)
            self._positions.soon(reader.write)

    async def extend(self, message: Message, lease: timedelta) -> None:
        reader, partition, number = self._at(message)
        if reader.event(partition, number) is None:
            raise LeaseLostError(f"event {message.id} is gone: it is done")
        message.receipt = f"{partition} {number} {self._epoch} {int(message.receipt.split(' ')[3]) + 1}"
        await self._client.stay()

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        reader, partition, number = self._at(message)
        reader.put_off(partition, number, (self._clock.now() + delay).timestamp() if delay else 0.0)
        self._positions.soon(reader.write)

    async def dead_letter(self, message: Message, reason: str) -> None:
        reader, partition, number = self._at(message)
        if reader.event(partition, number) is None:
            return
        container = Container(self._account, self._source.poison_container, create=True)
        await put_poison(container, self._hub, message, reason, self._clock)
        await self.complete(message)

    @property
    def _account(self) -> StorageAccount:
        """Where checkpoints and poison lie; shared on the running event loop."""
        return open_account(self._storage, "blob")

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reader is not None:
            await self._positions.last(self._reader.write)
        await self._client.close()

    async def _started(self) -> HubReader | None:
        """The reader of this execution's partitions; None where it has none."""
        self._require_open()
        if self._reader is None:
            if self._source.checkpoint_strategy != "blobMetadata":
                raise SourceUnavailableError(
                    f"checkpointStrategy {self._source.checkpoint_strategy} is for programs that read hub "
                    f"{self._hub.name} by themselves (command): for a handler set checkpointStrategy: blobMetadata"
                )
            place, executions = self._share
            partitions = (await self._client.partitions())[place::executions]
            if not partitions:
                return None
            store = CheckpointStore(self._account, self._source.blob_container, self._hub)
            reader = HubReader(self._client, store, self._epoch, self._of_a_key)
            await reader.start(partitions)
            self._reader = reader
        return self._reader

    def _at(self, message: Message) -> tuple[HubReader, str, int]:
        self._require_open()
        assert self._reader is not None
        partition, number, *_ = message.receipt.split(" ")
        return self._reader, partition, int(number)

    def _require_open(self) -> None:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of hub {self._hub.name} is closed")


def open_event_hub(request: SourceRequest) -> EventHubSource:
    """The source that the settings name.

    Raises:
        SettingsError: a connection is not set, or cannot be used.
    """
    source = request.settings.source
    assert isinstance(source, EventHubSettings)
    connection = resolve_namespace(source.connection, request.environment)
    storage = resolve_connection(source.checkpoint_account, request.environment)
    of_a_key = request.settings.messages_of_a_key
    return EventHubSource(source, connection, storage, request.clock, request.share, request.cycle, of_a_key)
