"""The poison place of a topic: the topic `<topic>-poison`.

Kafka cannot remove one record. What was put back or purged is marked as done, for the group `<consumerGroup>-poison`,
as the source does it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from confluent_kafka import Message as Record

from ebb.core.contract.poison import PEEK_LIMIT, Poisoned
from ebb.core.contract.source import SourceRequest
from ebb.core.errors import SourceNotFoundError
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.reader import ReceivedRecord, TopicReader
from ebb.sources.kafka.records import headers_of, send
from ebb.sources.kafka.settings import KafkaSettings
from ebb.sources.kafka.source import POISON_SUFFIX

LONGEST_SEARCH = 2000  # records that one call looks through
PAGE = 100


class KafkaPoison:
    """A `PoisonPlace`. Each call reads the topic from its first record that is not done."""

    def __init__(self, source: KafkaSettings, cluster: Cluster) -> None:
        self._source, self._cluster = source, cluster

    async def count(self) -> int:
        found = 0

        async def look(given: ReceivedRecord, poisoned: Poisoned) -> bool:
            nonlocal found
            found += 1
            return False

        await self._each(look, lambda: True)
        return found

    async def peek(self, limit: int) -> list[Poisoned]:
        found: dict[str, Poisoned] = {}

        async def look(given: ReceivedRecord, poisoned: Poisoned) -> bool:
            found.setdefault(poisoned.id, poisoned)
            return False

        await self._each(look, lambda: len(found) < min(limit, PEEK_LIMIT))
        return list(found.values())[: min(limit, PEEK_LIMIT)]

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._act(ids, limit, text, put_back=True)

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        return await self._act(ids, limit, text, put_back=False)

    async def close(self) -> None:
        """Nothing is held."""

    async def _act(self, ids: frozenset[str] | None, limit: int, text: str | None, put_back: bool) -> int:
        done: set[str] = set()

        async def act(given: ReceivedRecord, poisoned: Poisoned) -> bool:
            if (ids is not None and poisoned.id not in ids) or not poisoned.holds(text):
                return False
            if poisoned.id not in done and len(done) == limit:
                return False
            if put_back and poisoned.id not in done:
                own = [pair for pair in headers_of(given.record) if not pair[0].startswith("ebb-")]
                await send(self._cluster, self._source.topic, given.record, own)
            done.add(poisoned.id)
            return True

        await self._each(act, lambda: len(done) < limit)
        return len(done)

    async def _each(
        self, act: Callable[[ReceivedRecord, Poisoned], Awaitable[bool]], go_on: Callable[[], bool]
    ) -> None:
        """Read record after record; those that `act` says are settled are done for good."""
        topic = self._source.topic + POISON_SUFFIX
        try:
            numbers = await self._cluster.partitions(topic)
        except SourceNotFoundError:  # it is made when the first message goes there
            return
        reader = TopicReader(self._cluster, topic, f"{self._source.consumer_group}-poison", from_begin=True)
        looked_at, settled = 0, False
        try:
            await reader.start(numbers)
            while go_on() and looked_at < LONGEST_SEARCH and (page := await reader.next(PAGE, float("inf"))):
                looked_at += len(page)
                for given in page:
                    number, offset = given.record.partition() or 0, given.record.offset() or 0
                    if go_on() and await act(given, _poisoned(given.record)):
                        reader.finish(number, offset)
                        settled = True
            if settled:
                reader.forget_tries()
                await reader.commit()
        finally:
            await reader.close()


def _poisoned(record: Record) -> Poisoned:
    named = {name: (value or b"").decode(errors="replace") for name, value in headers_of(record)}
    count = named.get("ebb-dequeueCount", "")
    about = {
        "originalId": named.get("ebb-id"),
        "dequeueCount": int(count) if count.isdecimal() else None,
        "deadLetteredAt": named.get("ebb-deadLetteredAt"),
    }
    name = named.get("ebb-id") or f"{record.topic()}-{record.partition()}-{record.offset()}"
    return Poisoned(name, named.get("ebb-reason"), bytes(record.value() or b""), about)


def open_poison(request: SourceRequest) -> KafkaPoison:
    """The poison place of the topic that the settings name.

    Raises:
        SettingsError: its password is not set.
    """
    source = request.settings.source
    assert isinstance(source, KafkaSettings)
    return KafkaPoison(source, Cluster(source, request.environment))
