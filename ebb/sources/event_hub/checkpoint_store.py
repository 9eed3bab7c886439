"""Checkpoints as blobs in the layout `blobMetadata`, which SDKs and KEDA read, with what Ebb knows beyond them.

A write counts only while nobody else has written: a reader that was overtaken cannot put a checkpoint back.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebb.core.errors import LeaseLostError, SourceNotFoundError
from ebb.sources.blob.container import META, Container
from ebb.sources.event_hub.checkpoints import CheckpointError, Hub, place_of, sequence_number
from ebb.sources.storage_queue.account import StorageAccount

MARKS = "ebbmarks"  # done or tried beyond the checkpoint (`ebb/sources/kafka/positions.py`)


@dataclass(frozen=True)
class Checkpoint:
    """What is kept of one partition: all up to `number` is done."""

    number: int
    offset: str
    marks: str


class CheckpointStore:
    """The checkpoints of one hub and one group."""

    def __init__(self, account: StorageAccount, container: str, hub: Hub) -> None:
        self._container, self._hub = Container(account, container, create=True), hub
        self._etags: dict[str, str] = {}

    async def read(self, partitions: list[str]) -> dict[str, Checkpoint]:
        """The checkpoints that are there; a container that is not there holds none.

        Raises:
            CheckpointError: one is there and cannot be read.
        """
        names = {self._name(each): each for each in partitions}
        prefix = self._name("")
        found: dict[str, Checkpoint] = {}
        try:
            async for entry in self._container.entries(prefix):
                partition = names.get(entry.name)
                if partition is None:
                    continue
                about = entry.metadata
                try:
                    number = sequence_number("blobMetadata", b"", about)
                except CheckpointError as error:
                    raise CheckpointError(f"the checkpoint {self._container.name}/{entry.name}: {error}") from error
                self._etags[partition] = entry.etag
                found[partition] = Checkpoint(number, about.get("offset", "-1"), about.get(MARKS, ""))
        except SourceNotFoundError:
            return {}
        return found

    async def write(self, partition: str, checkpoint: Checkpoint) -> None:
        """Write one checkpoint. One request.

        Raises:
            LeaseLostError: somebody else has written it since it was read.
        """
        etag = self._etags.get(partition)
        headers = {
            META + "sequencenumber": str(checkpoint.number),
            META + "offset": checkpoint.offset,
            **({META + MARKS: checkpoint.marks} if checkpoint.marks else {}),
            **({"if-match": etag} if etag else {"if-none-match": "*"}),
        }
        answer = await self._container.put(self._name(partition), b"", headers)
        if answer.status in (409, 412):
            raise LeaseLostError(
                f"the checkpoint of partition {partition} of hub {self._hub.name} was written by another reader of "
                f"consumer group {self._hub.consumer_group}"
            )
        self._container.check(answer, 201)
        self._etags[partition] = answer.headers["ETag"]

    def _name(self, partition: str) -> str:
        return place_of("blobMetadata", self._hub, self._container.name, partition)[1]
