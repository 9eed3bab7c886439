"""What the library has fetched of the partitions of one execution: taken as it comes, and held back where much waits.

The library says when a partition is at its end, so that nothing waiting is known as that, and not guessed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Set
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from ebb.sources.kafka.cluster import Cluster

AHEAD = 2000  # records that the library fetches and keeps
AHEAD_SIZE = 16_384  # KiB of them
WAITING = 200  # records of a partition that are taken from the library and not given out


class Arrivals:
    """Records by partition, in their order: `waiting` to be given out; `ended` says where a partition has its end."""

    def __init__(self, cluster: Cluster, topic: str, group: str, starts: Mapping[int, int], earliest: bool) -> None:
        """Read each partition from its offset in `starts` on; from its beginning if `earliest` where that is gone."""
        self._cluster, self._topic = cluster, topic
        self.waiting: dict[int, deque[Record]] = {number: deque() for number in starts}
        self.ended: dict[int, int] = {}
        self._paused = set[int]()
        options = {
            **cluster.options,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest" if earliest else "latest",
            "isolation.level": "read_committed",
            "queued.min.messages": AHEAD,
            "queued.max.messages.kbytes": AHEAD_SIZE,
            "fetch.wait.max.ms": 100,
            "fetch.queue.backoff.ms": 10,  # a second otherwise, each time that AHEAD is reached
        }
        self._consumer = Consumer(options)
        self._consumer.assign([TopicPartition(topic, number, offset) for number, offset in starts.items()])

    def fetch(self, limit: int, flowing: Set[int], held_up: Mapping[int, int]) -> int:
        """Take what has arrived, unless there is enough of `flowing` partitions; how much that is.

        Args:
            held_up: how many of the waiting records of a partition cannot be given out now.

        Raises:
            SourceError: a partition cannot be read.
        """
        ahead = {number: len(each) - held_up.get(number, 0) for number, each in self.waiting.items()}
        if sum(ahead[number] for number in flowing) >= limit:
            return 0
        self._hold_back(ahead)
        arrived = self._consumer.consume(max(limit, 100), 0)
        for record in arrived:
            fault, number = record.error(), record.partition() or 0
            if fault is None:
                self.waiting[number].append(record)
                self.ended.pop(number, None)
            elif fault.code() == KafkaError._PARTITION_EOF:
                self.ended[number] = record.offset() or 0
            elif fault.fatal() or not fault.retriable():
                raise self._cluster.error(KafkaException(fault))
        return len(arrived)

    async def commit(self, places: Mapping[int, tuple[int, str]]) -> None:
        """Write where the group stands in each partition: the offset, and the text beside it.

        Raises:
            SourceError: the group has members, or the brokers do not answer.
        """
        offsets = [TopicPartition(self._topic, number, *each) for number, each in places.items()]
        await self._cluster.blocking(lambda: _check(self._consumer.commit(offsets=offsets, asynchronous=False)))

    async def close(self) -> None:
        """Let go of the partitions."""
        await asyncio.to_thread(self._consumer.close)

    def _hold_back(self, ahead: dict[int, int]) -> None:
        """A partition of which much waits for something that is not done sends no more: others come past it."""
        full = {number for number, count in ahead.items() if count >= WAITING} - self._paused
        free = {number for number in self._paused if ahead[number] <= WAITING // 2}
        if full:
            self._consumer.pause([TopicPartition(self._topic, number) for number in full])
        if free:
            self._consumer.resume([TopicPartition(self._topic, number) for number in free])
        self._paused = self._paused - free | full


def _check(answer: Any) -> None:
    """A commit that failed for one partition has its error there."""
    found: list[TopicPartition] = answer or []
    for each in found:
        if each.error is not None:
            raise KafkaException(each.error)
