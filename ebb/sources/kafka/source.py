"""Messages from a topic of Kafka: an execution reads its share of the partitions from where the group stands.

No message is leased. What is done is told by the group's offset, and by a text beside it (`positions.py`): so nothing
is repeated that was done, though Kafka itself knows only one offset. What cannot be handled goes to the topic
`<topic>-poison`, with the headers `ebb-reason`, `ebb-id`, `ebb-dequeueCount` and `ebb-deadLetteredAt`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from ebb.core.clock import Clock, SystemClock, rfc3339
from ebb.core.contract.source import Measurement, SourceRequest
from ebb.core.errors import LeaseLostError, SourceNotFoundError, SourceUnavailableError
from ebb.core.message import Message
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.lag import LagRules, lag_of_topic, partition_numbers
from ebb.sources.kafka.reader import TopicReader
from ebb.sources.kafka.records import headers_of, message_of, send
from ebb.sources.kafka.settings import KafkaSettings
from ebb.sources.positions import PositionWrites

POISON_SUFFIX = "-poison"
REASON_LENGTH = 4000  # characters of a reason

_looks: dict[tuple[str, str, str], dict[int, int | None]] = {}  # offsets at the last look, for excludePersistentLag


class KafkaSource:
    """A `Source` on one topic, for execution `share[0]` of `share[1]`. Connections open at the first call."""

    def __init__(
        self,
        source: KafkaSettings,
        cluster: Cluster,
        clock: Clock | None = None,
        share: tuple[int, int] = (0, 1),
        of_a_key: int | None = None,
    ) -> None:
        """`of_a_key`: how many messages of one key are given before one of them is done; None: any number."""
        self._of_a_key = of_a_key
        self._source, self._cluster, self._clock, self._share = source, cluster, clock or SystemClock(), share
        self._reader: TopicReader | None = None
        self._receiving = asyncio.Lock()
        self._positions = PositionWrites(f"topic {source.topic}")
        self._closed = False

    async def measure(self) -> Measurement:
        """The lag as KEDA counts it, and the partitions that cap the executions. Three or four requests."""
        source = self._source
        numbers = await self._partitions()
        committed, ends = await asyncio.gather(
            self._cluster.committed(source.consumer_group, source.topic, numbers),
            self._cluster.ends(source.topic, numbers),
        )
        offsets = {number: known[0] if (known := committed.get(number)) else None for number in numbers}
        rules = LagRules(
            source.offset_reset_policy == "earliest",
            source.scale_to_zero_on_invalid_offset,
            source.exclude_persistent_lag,
        )
        look = (source.bootstrap_servers, source.topic, source.consumer_group)
        lag = lag_of_topic(offsets, ends, rules, _looks.get(look))
        _looks[look] = offsets
        cap = lag.partitions_with_lag if source.limit_to_partitions_with_lag else len(numbers)
        return Measurement(max(0, lag.total), partitions=None if source.allow_idle_consumers else cap)

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        """As the contract says; nothing is leased, the partitions are this execution's."""
        async with self._receiving:
            reader = await self._started()
            if reader is None:
                return []
            given = await reader.next(limit, self._clock.now().timestamp(), self._source.ordered)
            await reader.commit()  # with the tries: who crashes with a message is counted
            return [message_of(each.record, each.tries) for each in given]

    async def complete(self, message: Message) -> None:
        reader, number, offset = self._at(message)
        reader.finish(number, offset)
        self._positions.soon(reader.commit)

    async def extend(self, message: Message, lease: timedelta) -> None:
        reader, number, offset = self._at(message)
        if reader.record(number, offset) is None:
            raise LeaseLostError(f"message {message.id} is gone: it is done")
        before, _, extended = message.receipt.rpartition(" ")
        message.receipt = f"{before} {int(extended) + 1}"

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        reader, number, offset = self._at(message)
        reader.put_off(number, offset, (self._clock.now() + delay).timestamp() if delay else 0.0)
        self._positions.soon(reader.commit)

    async def dead_letter(self, message: Message, reason: str) -> None:
        reader, number, offset = self._at(message)
        record = reader.record(number, offset)
        if record is None:
            return
        about = {
            "ebb-reason": reason[:REASON_LENGTH] or "no reason",
            "ebb-id": message.id,
            "ebb-dequeueCount": str(message.dequeue_count),
            "ebb-deadLetteredAt": rfc3339(self._clock.now()),
        }
        headers = [*headers_of(record), *((name, value.encode()) for name, value in about.items())]
        await self._make_poison_topic()
        await send(self._cluster, self._source.topic + POISON_SUFFIX, record, headers)
        await self.complete(message)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reader is not None:
            await self._positions.last(self._reader.commit)
            await self._reader.close()

    async def _partitions(self) -> list[int]:
        wanted = partition_numbers(self._source.partition_limitation)
        found = await self._cluster.partitions(self._source.topic)
        return found if wanted is None else [number for number in found if number in wanted]

    async def _started(self) -> TopicReader | None:
        """The reader of this execution's partitions; None where it has none."""
        self._require_open()
        if self._reader is None:
            place, executions = self._share
            numbers = (await self._partitions())[place::executions]
            if not numbers:
                return None
            group, of_a_key = self._source.consumer_group, self._of_a_key
            reader = TopicReader(self._cluster, self._source.topic, group, of_a_key=of_a_key)
            await reader.start(numbers)
            self._reader = reader
        return self._reader

    def _at(self, message: Message) -> tuple[TopicReader, int, int]:
        self._require_open()
        assert self._reader is not None
        number, offset, *_ = message.receipt.split(" ")
        return self._reader, int(number), int(offset)

    def _require_open(self) -> None:
        if self._closed:  # a handler that outlived its execution comes too late
            raise SourceUnavailableError(f"the source of topic {self._source.topic} is closed")

    async def _make_poison_topic(self) -> None:
        """Make it if it is missing, with as many replicas as the brokers make by default."""
        name = self._source.topic + POISON_SUFFIX
        try:
            await self._cluster.partitions(name)
        except SourceNotFoundError:
            await self._cluster.make(name)


def open_kafka(request: SourceRequest) -> KafkaSource:
    """The source that the settings name.

    Raises:
        SettingsError: its password is not set.
    """
    source = request.settings.source
    assert isinstance(source, KafkaSettings)
    of_a_key = request.settings.messages_of_a_key
    return KafkaSource(source, Cluster(source, request.environment), request.clock, request.share, of_a_key)
