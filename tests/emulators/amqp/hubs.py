"""Hubs of Event Hubs as they behave: partitions, positions, groups of readers, epochs.

What they do not do: retention by time, offsets as byte positions (here a hundred an event), capture, schemas.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from ebb.sources.event_hub.amqp_message import AmqpMessage
from ebb.sources.event_hub.amqp_values import STRINGS, Array, Described, Int, Stamp, Symbol
from tests.emulators.amqp.link import ACCEPTED, Link, Refusal
from tests.emulators.amqp.queues import stamp

STOLEN = "amqp:link:stolen"
OFFSETS = 100  # between two events
_START = re.compile(r"x-opt-(offset|sequence-number|enqueued-time)\s*(>=|>)\s*'?(-?\d+|@latest)")


@dataclass
class Partition:
    """A log. Sequence numbers go on where events were removed."""

    events: list[tuple[AmqpMessage, float]] = field(default_factory=list[tuple[AmqpMessage, float]])
    first: int = 0  # sequence number of the first event that is still there

    @property
    def end(self) -> int:
        """The sequence number that the next event gets."""
        return self.first + len(self.events)

    def trim(self, before: int) -> None:
        """Forget the events below sequence number `before`, as retention does."""
        del self.events[: max(0, before - self.first)]
        self.first = max(self.first, min(before, self.first + len(self.events)) if not self.events else before)


@dataclass(eq=False)
class Reader:
    """What a hub keeps of a link that reads."""

    partition: str
    group: str
    at: int
    epoch: int | None


@dataclass(eq=False)
class Hub:
    """A hub with partitions and groups of readers."""

    name: str
    partitions: dict[str, Partition]
    groups: set[str] = field(default_factory=lambda: {"$default"})
    links: list[Link] = field(default_factory=list[Link])
    turn: int = 0

    def put(self, message: AmqpMessage, partition: str | None = None) -> Described:
        """Take an event; without a partition they go round."""
        if partition is None:
            partition = list(self.partitions)[self.turn % len(self.partitions)]
            self.turn += 1
        self.partitions[partition].events.append((message, time.time()))
        self.pump()
        return ACCEPTED

    def attach(self, link: Link, group: str, partition: str) -> Refusal | bool:
        """Let a reader in, or tell why not; a higher epoch takes the partition from others."""
        if group.lower() not in self.groups:
            return Refusal("amqp:not-found", f"The messaging entity '{self.name}:{group}' could not be found.")
        if partition not in self.partitions:
            text = f"The specified partition is invalid for an EventHub partition sender or receiver: '{partition}'."
            return Refusal("com.microsoft:argument-out-of-range", text)
        epoch = link.properties.get("com.microsoft:epoch")
        rivals = [each for each in self.links if (each.about.partition, each.about.group) == (partition, group.lower())]
        held = max((each.about.epoch for each in rivals if each.about.epoch is not None), default=None)
        if held is not None and (epoch is None or epoch < held):
            text = f"At least one receiver for the endpoint is created with epoch of '{held}', and so a receiver with "
            return Refusal(STOLEN, text + f"epoch '{epoch}' is not allowed.")
        for rival in rivals if epoch is not None else []:
            text = f"New receiver with higher epoch of '{epoch}' is created hence current receiver with epoch "
            rival.detach(Refusal(STOLEN, text + f"'{rival.about.epoch}' is getting disconnected."))
            self.links.remove(rival)
        link.about = Reader(partition, group.lower(), self._start(link, self.partitions[partition]), epoch)
        self.links.append(link)
        return True

    def detach(self, link: Link) -> None:
        """A reader has gone."""
        if link in self.links:
            self.links.remove(link)

    def pump(self) -> None:
        """Deliver what is new."""
        for link in self.links:
            reader: Reader = link.about
            log = self.partitions[reader.partition]
            reader.at = max(reader.at, log.first)
            while link.attached and link.credit > 0 and reader.at < log.end:
                self._deliver(link, log, reader.at)
                reader.at += 1

    def settle(self, *_: Any) -> Described:
        """Readers may say what they like: positions are theirs."""
        return ACCEPTED

    def describe(self) -> dict[str, Any]:
        """What a READ of the hub answers."""
        partitions = list(self.partitions)
        return {
            "name": self.name,
            "type": "com.microsoft:eventhub",
            "created_at": Stamp(0),
            "partition_count": Int(len(partitions)),
            "partition_ids": Array(STRINGS, partitions),
        }

    def describe_partition(self, partition: str) -> dict[str, Any]:
        """What a READ of a partition answers."""
        log = self.partitions[partition]
        last = log.end - 1
        return {
            "name": self.name,
            "type": "com.microsoft:partition",
            "partition": partition,
            "begin_sequence_number": log.first if log.events else max(last, 0),
            "last_enqueued_sequence_number": last,
            "last_enqueued_offset": str(last * OFFSETS) if last >= 0 else "-1",
            "last_enqueued_time_utc": stamp(log.events[-1][1] if log.events else 0),
            "is_partition_empty": not log.events,
        }

    def _start(self, link: Link, log: Partition) -> int:
        filters = (link.source[7] or {}) if len(link.source) > 7 else {}
        text = " ".join(str(each.value if isinstance(each, Described) else each) for each in filters.values())
        found = _START.search(text)
        kind, sign, value = found.groups() if found else ("offset", ">", "-1")
        if value == "@latest":
            return log.end
        if kind == "enqueued-time":
            late = (at for at, (_, when) in enumerate(log.events) if when * 1000 > int(value))
            return log.first + next(late, len(log.events))
        number = int(value) // OFFSETS if kind == "offset" and value != "-1" else int(value)
        return max(log.first, number + (sign == ">"))

    def _deliver(self, link: Link, log: Partition, number: int) -> None:
        event, when = log.events[number - log.first]
        message = event.copy()
        message.annotations |= {
            Symbol("x-opt-sequence-number"): number,
            Symbol("x-opt-offset"): str(number * OFFSETS),
            Symbol("x-opt-enqueued-time"): stamp(when),
        }
        link.send(message.build(), str(number).encode(), number)
