"""Reads some partitions from where their group stands, and commits how far it is. No membership, no rebalance."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections import Counter
from dataclasses import dataclass

from confluent_kafka import Message as Record

from ebb.core.errors import SourceUnavailableError
from ebb.sources.kafka.arrivals import Arrivals
from ebb.sources.kafka.cluster import Cluster
from ebb.sources.kafka.positions import Positions
from ebb.sources.kafka.records import key_of

POLL = 0.005  # seconds between looks at what has arrived
PATIENCE = 10.0  # seconds without anything at all while messages are known to be there


@dataclass(frozen=True)
class ReceivedRecord:
    """A record to be handled, and which try it is."""

    record: Record
    tries: int


class TopicReader:
    """The partitions of one execution."""

    def __init__(
        self, cluster: Cluster, topic: str, group: str, from_begin: bool = False, of_a_key: int | None = None
    ) -> None:
        """What to read.

        Args:
            from_begin: the group begins at the beginning, whatever the settings say.
            of_a_key: how many messages of one key are in hand, or wait for another try, at once; None: any number. With
                one, each key keeps its order, and what failed holds up its own key alone.
        """
        self._of_a_key, self._keys = of_a_key, Counter[str]()  # of what is in hand or waits for another try
        self._cluster, self._topic, self._group = cluster, topic, group
        self._earliest = from_begin or cluster.source.offset_reset_policy == "earliest"
        self._arrivals: Arrivals | None = None
        self.positions: dict[int, Positions] = {}
        self._open: dict[tuple[int, int], Record] = {}  # in hand, or waiting for another try
        self._later: list[tuple[float, int, int]] = []  # a heap: when, which
        self._written: dict[int, tuple[int, str]] = {}
        self._committing = asyncio.Lock()

    async def start(self, numbers: list[int]) -> None:
        """Stand where the group has committed; where it has not, at the beginning or the end as the settings say.

        The place where a group begins at the end is committed at once: nothing that comes later is passed over.
        """
        cluster, earliest = self._cluster, self._earliest
        committed, begins, ends = await asyncio.gather(
            cluster.committed(self._group, self._topic, numbers),
            cluster.begins(self._topic, numbers),
            cluster.ends(self._topic, numbers),
        )
        for number in numbers:
            known, first = committed.get(number), begins[number] if earliest else ends[number]
            if known is None or not begins[number] <= known[0] <= ends[number]:  # none, or what it names has expired
                first = max(first, begins[number]) if known is None or known[0] > ends[number] else begins[number]
                self.positions[number] = Positions.read(first, None)
            else:
                self.positions[number] = Positions.read(*known)
                self._written[number] = known
        starts = {number: self.positions[number].committed for number in numbers}
        self._arrivals = Arrivals(cluster, self._topic, self._group, starts, earliest)
        if not earliest:
            await self.commit()

    async def next(self, limit: int, now: float, one_each: bool = False) -> list[ReceivedRecord]:
        """Up to `limit` records that are to be handled now; none where every partition is at its end, full or held up.

        Args:
            now: the UNIX time; what waits for another try until then comes first.
            one_each: nothing of a partition while something of it is in hand or waits for another try.

        Raises:
            SourceUnavailableError: the brokers do not answer.
        """
        given, last = self._due(limit, now), time.monotonic()
        while len(given) < limit:
            arrivals = self._arrivals
            assert arrivals is not None
            flowing = self._flowing(one_each)
            arrived = arrivals.fetch(limit, flowing, self._held_up)
            given += self._from_waiting(arrivals, flowing, limit - len(given), now, one_each)
            if given or not flowing - arrivals.ended.keys() - self._held_up.keys():
                break
            if arrived:
                last = time.monotonic()
            elif time.monotonic() - last > PATIENCE:
                servers = self._cluster.source.bootstrap_servers
                raise SourceUnavailableError(f"{servers} sends nothing of topic {self._topic} for {PATIENCE:g} s")
            else:
                await asyncio.sleep(POLL)
        return given

    def finish(self, number: int, offset: int) -> None:
        """A record is done."""
        record = self._open.pop((number, offset), None)
        if record is not None:
            self._count_key(record, -1)
            self.positions[number].finish(offset)

    def put_off(self, number: int, offset: int, until: float) -> None:
        """A record is to be handled again, not before the UNIX time `until`."""
        record = self._open.get((number, offset))
        if record is not None:
            self.positions[number].put_off(offset, math.ceil(until))
            heapq.heappush(self._later, (until, number, offset))

    def record(self, number: int, offset: int) -> Record | None:
        """A record that is in hand or waits for another try; None where it is done."""
        return self._open.get((number, offset))

    def forget_tries(self) -> None:
        """Nothing was tried: it was only looked at."""
        for positions in self.positions.values():
            positions.forget_tries()

    async def commit(self) -> None:
        """Write where each partition stands, if that has changed.

        Raises:
            SourceError: the group has members, or the brokers do not answer.
        """
        async with self._committing:
            now = {number: (each.committed, each.text) for number, each in self.positions.items()}
            changed = {number: each for number, each in now.items() if self._written.get(number) != each}
            if not changed or self._arrivals is None:
                return
            await self._arrivals.commit(changed)
            self._written.update(changed)

    async def close(self) -> None:
        """Let go of the partitions."""
        arrivals, self._arrivals = self._arrivals, None
        if arrivals is not None:
            await arrivals.close()

    def _count_key(self, record: Record, more: int) -> None:
        if self._of_a_key is not None:
            key = key_of(record)
            self._keys[key] += more
            if not self._keys[key]:
                del self._keys[key]

    def _flowing(self, one_each: bool) -> set[int]:
        """Partitions from which something may be given out now."""
        busy = {number for number, _ in self._open} if one_each else set[int]()
        return {number for number, each in self.positions.items() if number not in busy and not each.is_full}

    @property
    def _held_up(self) -> dict[int, int]:
        """Partitions of which something waits behind others of its key, and how many records that is."""
        return {number: len(each.passed) for number, each in self.positions.items() if each.passed}

    def _due(self, limit: int, now: float) -> list[ReceivedRecord]:
        given: list[ReceivedRecord] = []
        while self._later and self._later[0][0] <= now and len(given) < limit:
            _, number, offset = heapq.heappop(self._later)
            record = self._open.get((number, offset))
            if record is not None:
                given.append(ReceivedRecord(record, self.positions[number].begin(offset)))
        return given

    def _from_waiting(
        self, arrivals: Arrivals, flowing: set[int], limit: int, now: float, one_each: bool
    ) -> list[ReceivedRecord]:
        given: list[ReceivedRecord] = []
        for number in sorted(flowing, key=lambda each: -len(arrivals.waiting[each])):
            waiting, positions, before = arrivals.waiting[number], self.positions[number], len(given)
            held_up: list[Record] = []
            while waiting and len(given) < limit and not (one_each and len(given) > before) and not positions.is_full:
                record = waiting.popleft()
                offset = record.offset() or 0
                if positions.is_done(offset):
                    positions.skip(offset + 1)
                    continue
                if self._of_a_key is not None and self._keys[key_of(record)] >= self._of_a_key:
                    positions.pass_over(offset)
                    held_up.append(record)
                    continue
                self._open[number, offset] = record
                self._count_key(record, 1)
                if positions.until(offset) > now:
                    positions.following = max(positions.following, offset + 1)
                    heapq.heappush(self._later, (positions.until(offset), number, offset))
                    if one_each:
                        break
                else:
                    given.append(ReceivedRecord(record, positions.begin(offset)))
            waiting.extendleft(reversed(held_up))
            if not waiting and number in arrivals.ended:
                positions.skip(arrivals.ended[number])
        return given
