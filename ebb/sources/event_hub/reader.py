"""Reads some partitions of a hub from where their checkpoints are, with an epoch, and writes checkpoints again."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import Counter
from dataclasses import dataclass

from ebb.core.errors import LeaseLostError, SourceUnavailableError
from ebb.sources.event_hub.amqp_link import Link
from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.checkpoint_store import Checkpoint, CheckpointStore
from ebb.sources.event_hub.events import key_of
from ebb.sources.event_hub.hub_client import HubClient
from ebb.sources.kafka.positions import Positions

AHEAD = 200  # events of a partition that are fetched and not given out
PATIENCE = 10.0  # seconds without anything at all while events are known to be there
POLL = 0.01  # seconds between looks at what has arrived


@dataclass(frozen=True)
class ReceivedEvent:
    """An event to be handled, where it is, and which try it is."""

    partition: str
    number: int
    event: AmqpMessage
    tries: int


@dataclass(eq=False)
class Reading:
    """One partition: its link, how far it is, and the offsets that checkpoints name."""

    link: Link
    positions: Positions
    offsets: dict[int, str]
    written: Checkpoint | None


class HubReader:
    """The partitions of one execution."""

    def __init__(self, client: HubClient, store: CheckpointStore, epoch: int, of_a_key: int | None = None) -> None:
        """`of_a_key`: how many events of one key are in hand, or wait for another try, at once; None: any number.

        With one, each key keeps its order, and what failed holds up its own key alone.
        """
        self._of_a_key, self._keys = of_a_key, Counter[str]()  # of what is in hand or waits for another try
        self._client, self._store, self._epoch = client, store, epoch
        self._readings: dict[str, Reading] = {}
        self._open: dict[tuple[str, int], AmqpMessage] = {}  # in hand, or waiting for another try
        self._later: list[tuple[float, str, int]] = []  # a heap: when, which
        self._writing = asyncio.Lock()

    async def start(self, partitions: list[str]) -> None:
        """Stand behind the checkpoints; where there is none, at the first event."""
        checkpoints, ends = await asyncio.gather(self._store.read(partitions), self._client.ends(partitions))
        for end in ends:
            known = checkpoints.get(end.id)
            first = max(end.beginning, 0)
            if known is None or not first - 1 <= known.number <= end.last:  # what it names has expired, or never was
                known = None if known is None or known.number > end.last else Checkpoint(first - 1, known.offset, "")
            positions = Positions.read(first if known is None else known.number + 1, known.marks if known else None)
            link = await self._client.reader(end.id, positions.committed - 1, self._epoch)
            link.grant(AHEAD)
            offsets = {positions.committed - 1: known.offset} if known else {}
            self._readings[end.id] = Reading(link, positions, offsets, checkpoints.get(end.id))

    async def next(self, limit: int, now: float) -> list[ReceivedEvent]:
        """Up to `limit` events that are to be handled now; none where every partition is at its end, full or held up.

        Args:
            now: the UNIX time; what waits for another try until then comes first.

        Raises:
            SourceUnavailableError: another reader has the partitions, or the hub sends nothing.
        """
        given = self._due(limit, now)
        given += self._arrived(limit - len(given), now)
        if given:
            if len(given) < limit:  # others may be on their way
                await asyncio.sleep(POLL)
                given += self._arrived(limit - len(given), now)
            return given
        await self._client.stay()
        behind = [each.id for each in await self._client.ends(self._readings) if self._is_behind(each.id, each.last)]
        waited = 0.0
        while behind and not given and waited < PATIENCE:
            await asyncio.sleep(POLL)
            waited += POLL
            given = self._arrived(limit, now)
            behind = [each for each in behind if not self._is_held_up(each)]
        if behind and not given:
            raise SourceUnavailableError(f"the hub sends nothing of partition {behind[0]} for {PATIENCE:g} s")
        return given

    def finish(self, partition: str, number: int) -> None:
        """An event is done."""
        event = self._open.pop((partition, number), None)
        if event is not None:
            self._keys[key_of(partition, event)] -= 1
            self._readings[partition].positions.finish(number)

    def put_off(self, partition: str, number: int, until: float) -> None:
        """An event is to be handled again, not before the UNIX time `until`."""
        if (partition, number) in self._open:
            self._readings[partition].positions.put_off(number, math.ceil(until))
            heapq.heappush(self._later, (until, partition, number))

    def event(self, partition: str, number: int) -> AmqpMessage | None:
        """An event that is in hand or waits for another try; None where it is done.

        Raises:
            LeaseLostError: another reader has the partition.
        """
        fault = self._readings[partition].link.fault
        if fault is not None:
            raise LeaseLostError(f"partition {partition} is not read any more: {fault}")
        return self._open.get((partition, number))

    async def write(self) -> None:
        """Write the checkpoints that have changed.

        Raises:
            LeaseLostError: another reader has written one.
        """
        async with self._writing:
            await asyncio.gather(*(self._write(*each) for each in self._readings.items()))

    async def _write(self, partition: str, reading: Reading) -> None:
        positions = reading.positions
        number = positions.committed - 1
        checkpoint = Checkpoint(number, reading.offsets.get(number, "-1"), positions.text)
        if checkpoint == reading.written or (reading.written is None and not checkpoint.marks and number < 0):
            return
        await self._store.write(partition, checkpoint)
        reading.written = checkpoint
        for each in [known for known in reading.offsets if known < number]:
            del reading.offsets[each]

    def _is_held_up(self, partition: str) -> bool:
        """Whether nothing of a partition is given for now: too much is open, or what is there waits for its key."""
        positions = self._readings[partition].positions
        return positions.is_full or bool(positions.passed)

    def _is_behind(self, partition: str, last: int) -> bool:
        positions = self._readings[partition].positions
        return max(positions.following, positions.committed) <= last and not self._is_held_up(partition)

    def _due(self, limit: int, now: float) -> list[ReceivedEvent]:
        given: list[ReceivedEvent] = []
        while self._later and self._later[0][0] <= now and len(given) < limit:
            _, partition, number = heapq.heappop(self._later)
            event = self._open.get((partition, number))
            if event is not None:
                tries = self._readings[partition].positions.begin(number)
                given.append(ReceivedEvent(partition, number, event, tries))
        return given

    def _arrived(self, limit: int, now: float) -> list[ReceivedEvent]:
        given: list[ReceivedEvent] = []
        for partition, reading in sorted(self._readings.items(), key=lambda each: -len(each[1].link.arrived)):
            link, positions = reading.link, reading.positions
            if link.fault is not None:
                with self._client.told():
                    raise link.fault
            held_up: list[AmqpMessage] = []
            while link.arrived and len(given) < limit and not positions.is_full:
                event = link.arrived.popleft()
                number = int(event.annotations["x-opt-sequence-number"])
                reading.offsets[number] = str(event.annotations.get("x-opt-offset", "-1"))
                if positions.is_done(number):
                    positions.skip(number + 1)
                    continue
                if self._of_a_key is not None and self._keys[key_of(partition, event)] >= self._of_a_key:
                    positions.pass_over(number)
                    held_up.append(event)
                    continue
                self._open[partition, number] = event
                self._keys[key_of(partition, event)] += 1
                if positions.until(number) > now:
                    positions.following = max(positions.following, number + 1)
                    heapq.heappush(self._later, (positions.until(number), partition, number))
                else:
                    given.append(ReceivedEvent(partition, number, event, positions.begin(number)))
            link.arrived.extendleft(reversed(held_up))
            if link.credit <= AHEAD // 2:
                link.grant(AHEAD - len(link.arrived))
        return given
