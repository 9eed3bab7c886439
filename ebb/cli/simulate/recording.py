"""What a simulation writes down while it runs: samples, drains, waiting times, cycles, and calls of the services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ebb.cli.simulate.arriving_keys import ArrivingKeys
from ebb.core.clock import Clock
from ebb.core.contract.source import Measurement, QueueSource
from ebb.core.document import Json
from ebb.core.documents import Cycle
from ebb.core.message import Message
from ebb.core.remarks import Noted
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.sources.memory.source import VISIBLE_COUNT_LIMIT, MemoryBroker
from ebb.store.memory import MemoryStore


@dataclass(frozen=True, slots=True)
class Sample:
    """How things stood at one moment."""

    seconds: float  # since the simulation began
    waiting: int  # messages that nobody holds
    in_work: int  # messages that an execution holds
    oldest: float  # seconds since the oldest message arrived that is not done; 0 where there is none


@dataclass
class Recording:
    """All that was seen of one run."""

    start: datetime
    samples: list[Sample] = field(default_factory=list[Sample])
    drains: list[float] = field(default_factory=list[float])  # seconds from the first message to an empty queue
    waits: list[float] = field(default_factory=list[float])  # seconds from a message's arrival to its handler
    source_waits: dict[str, list[float]] = field(default_factory=dict[str, list[float]])  # the same of several sources
    source_of: dict[str, str] = field(default_factory=dict[str, str])  # of messages that no handler had yet
    key_waits: dict[str, list[float]] = field(default_factory=dict[str, list[float]])  # the same by streams with keys
    stream_of: dict[str, str] = field(default_factory=dict[str, str])  # of messages that no handler had yet
    cycles: list[Cycle] = field(default_factory=list[Cycle])
    calls: Counter[str] = field(default_factory=Counter[str])  # "queue" and "table" transactions
    arrived: int = 0
    begun: int = 0  # messages whose handler began, each try
    busy_seconds: float = 0.0  # in handlers, together
    opened: int = 0  # cycles, idle ones included
    length: float = 0.0  # seconds
    real_seconds: float = 0.0
    ended: str | None = None  # why the schedule ended by itself
    warnings: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])  # when, in seconds, and what

    def waited(self, message: Message, seconds: float) -> None:
        """The first handler of `message` begins."""
        self.waits.append(seconds)
        if source := self.source_of.pop(message.id, None):
            self.source_waits.setdefault(source, []).append(seconds)
        if stream := self.stream_of.pop(message.id, None):
            self.key_waits.setdefault(stream, []).append(seconds)

    def seconds(self, moment: datetime) -> float:
        """`moment` since the begin."""
        return (moment - self.start).total_seconds()


class Backlogs:
    """Looks at all queues of the simulation, and notices when they fill and when they are empty again."""

    def __init__(self, broker: MemoryBroker, clock: Clock, recording: Recording, key_name: str | None = None) -> None:
        """`key_name`: the field in which a body has its key (`perKey.key`)."""
        self._broker, self._clock, self._recording, self._key_name = broker, clock, recording, key_name
        self._filled_at: datetime | None = None

    def put(self, queue: str, count: int, keys: ArrivingKeys) -> None:
        """Let `count` messages arrive."""
        if self._filled_at is None:
            self._filled_at = self._clock.now()
        for _ in range(count):
            key = keys.draw()
            body = "" if key is None or self._key_name is None else json.dumps({self._key_name: key})
            identity = self._broker.put(queue, body, key=key)
            if keys.label is not None:
                self._recording.stream_of[identity] = keys.label
        self._recording.arrived += count

    def removed(self) -> None:
        """A message is done."""
        if self._filled_at is not None and not any(queue.messages for queue in self._broker.queues.values()):
            self._recording.drains.append((self._clock.now() - self._filled_at).total_seconds())
            self._filled_at = None

    def sample(self) -> None:
        """Write down how things stand."""
        now = self._clock.now()
        stored = [message for queue in self._broker.queues.values() for message in queue.messages.values()]
        waiting = sum(message.visible_at <= now for message in stored)
        oldest = (now - min(message.enqueued_at for message in stored)).total_seconds() if stored else 0.0
        seconds = self._recording.seconds(now)
        self._recording.samples.append(Sample(seconds, waiting, len(stored) - waiting, oldest))


class RecordedStore(MemoryStore):
    """The store in memory; counts the requests that tables would get, and keeps every cycle."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording
        self._drained = Counter[str]()  # of other schedules, which are not simulated

    def drain(self, name: str, times: int) -> None:
        """Another schedule has drained so many times more; with 0 it is known, and runs."""
        self._drained[name] += times

    async def get(self, name: str) -> ScheduleRow:
        self._recording.calls["table"] += 1
        row = await super().get(name)
        if name not in self._drained:
            return row
        return replace(row, intent=Intent.RUNNING, drained_cycle=self._drained[name])

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        self._recording.calls["table"] += 1
        return await super().save(row)

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> Json | None:
        self._recording.calls["table"] += 1
        self._recording.cycles.append(Cycle.from_document(cycle))
        return None

    async def remark(self, scope: str, key: str) -> Noted | None:
        self._recording.calls["table"] += 1
        return await super().remark(scope, key)

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        self._recording.calls["table"] += 1
        await super().write_remark(scope, key, at, remark)

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        self._recording.calls["table"] += 1
        await super().delete_remark(scope, key, etag)

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any], etag: str | None) -> str:
        self._recording.calls["table"] += 1
        return await super().swap_remark(scope, key, at, remark, etag)

    async def write_looks(self, schedule: str, looks: Sequence[Look]) -> None:
        self._recording.calls["table"] += 1


class RecordedSource:
    """A source in memory; counts the requests that a storage queue would get."""

    def __init__(self, source: QueueSource, backlogs: Backlogs, recording: Recording, name: str | None = None) -> None:
        """`name` tells its messages from those of other sources; None: there are no others."""
        self._source, self._backlogs, self._calls = source, backlogs, recording.calls
        self._recording, self._name = recording, name

    async def measure(self) -> Measurement:
        backlog = await self._source.measure()
        self._calls["queue"] += 2 if backlog.count >= VISIBLE_COUNT_LIMIT else 1  # a peek, and the properties
        return backlog

    async def receive(self, limit: int, lease: timedelta) -> list[Message]:
        self._calls["queue"] += 1
        messages = await self._source.receive(limit, lease)
        if self._name is not None:
            new = (message.id for message in messages if message.dequeue_count == 1)
            self._recording.source_of.update(dict.fromkeys(new, self._name))
        return messages

    async def complete(self, message: Message) -> None:
        self._calls["queue"] += 1
        await self._source.complete(message)
        self._backlogs.removed()

    async def extend(self, message: Message, lease: timedelta) -> None:
        self._calls["queue"] += 1
        await self._source.extend(message, lease)

    async def release(self, message: Message, delay: timedelta = timedelta()) -> None:
        self._calls["queue"] += 1
        await self._source.release(message, delay)

    async def dead_letter(self, message: Message, reason: str) -> None:
        self._calls["queue"] += 2  # put into the poison queue, removed from this one
        await self._source.dead_letter(message, reason)
        self._backlogs.removed()

    async def close(self) -> None:
        await self._source.close()
