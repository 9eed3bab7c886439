"""The account that ends a run: what was put, what the handler wrote down, what the history says. Pure.

Nothing is taken on trust: a message counts as processed because the ledger has it, with the right answer; executions
overlap or not by the times in the history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ebb.cli.acceptance.ledger import Entry
from ebb.core.document import Json
from ebb.core.wording import counted


@dataclass(frozen=True)
class Interval:
    """One execution: the cycle it belongs to, and its time."""

    cycle: int
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Summary:
    """Counts of one run, of the messages that it put; of all that were met where it put none."""

    enqueued: int  # messages put, poison included
    processed: int  # different messages that the handler finished
    poisoned: int  # messages that went to the poison queue
    poison_expected: int
    missing: int  # messages put that were neither handled with the right answer nor poisoned
    duplicates: int  # messages that were handled more than once
    others: int  # messages that an earlier run or somebody else put, handled or poisoned in this one
    failed: int  # failed tries, by the history; each was followed by another one, or by poison
    cycles: int  # with work or an error, by the history
    max_executions_in_flight: int
    overlaps: int  # pairs of executions of different cycles that ran at the same time
    seconds: float  # from the first message put to the last one handled

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, in words; empty when every message was handled exactly as it should."""
        checks = (
            (self.missing, f"{_were(self.missing, 'message')} not handled as {_it(self.missing)} should be"),
            (self.duplicates, f"{_were(self.duplicates, 'message')} handled more than once"),
            (self.overlaps, f"{counted(self.overlaps, 'pair')} of executions of different cycles overlapped"),
            (
                self.poisoned != self.poison_expected,
                f"{_were(self.poisoned, 'message')} poisoned, {self.poison_expected} should have been",
            ),
        )
        return [text for fault, text in checks if fault]

    def to_document(self) -> Json:
        """The counts in the names of the command's JSON object."""
        rate = self.processed / self.seconds if self.seconds > 0 else 0.0
        return {
            "enqueued": self.enqueued,
            "processed": self.processed,
            "poisoned": self.poisoned,
            "missing": self.missing,
            "duplicates": self.duplicates,
            "others": self.others,
            "failed": self.failed,
            "cycles": self.cycles,
            "maxExecutionsInFlight": self.max_executions_in_flight,
            "overlaps": self.overlaps,
            "seconds": round(self.seconds, 3),
            "messagesPerSecond": round(rate, 1),
        }

    def in_words(self) -> str:
        """The account in one line."""
        rate = f" ({self.processed / self.seconds:.0f} per second)" if self.seconds > 0 else ""
        others = f", and {counted(self.others, 'message')} that this run did not put" if self.others else ""
        messages = (
            f"{self.enqueued} put, {self.processed} processed in {self.seconds:.1f} s{rate}, {self.poisoned} poisoned, "
            f"{self.missing} not handled, {self.duplicates} handled twice{others}"
        )
        most, overlaps = counted(self.max_executions_in_flight, "execution"), counted(self.overlaps, "overlap")
        return f"{messages}; {counted(self.cycles, 'cycle')} with at most {most} at once, {overlaps}"


def _it(number: int) -> str:
    return "it" if number == 1 else "they"


def _were(number: int, noun: str) -> str:
    return f"{counted(number, noun)} {'was' if number == 1 else 'were'}"


@dataclass(frozen=True)
class Put:
    """What a run put, and which of it lies in the poison queue at the end."""

    values: Mapping[str, int]  # message id to value, of the messages that a handler can read
    poison: Collection[str] = ()  # ids of the messages that no handler can read
    poisoned: Collection[str] = ()  # ids in the poison queue

    @property
    def ids(self) -> set[str]:
        """All that was put."""
        return {*self.values, *self.poison}


def summarise(
    put: Put | None, entries: Sequence[Entry], cycles: Iterable[Mapping[str, Any]], seconds: float
) -> Summary:
    """The account of a run.

    Args:
        put: what it put; None when it put nothing, and only took what was there.
        entries: what the handler wrote down.
        cycles: Cycle documents with their executions.
        seconds: how long it took.
    """
    documents = list(cycles)
    intervals = [interval for cycle in documents for interval in intervals_of(cycle)]
    in_history = sum(int(cycle.get("poisoned") or 0) for cycle in documents)
    handled = Counter(entry.id for entry in entries)
    times = handled if put is None else Counter({key: handled[key] for key in put.ids if key in handled})
    poisoned = in_history if put is None else len(put.ids & {*put.poisoned})
    return Summary(
        enqueued=len(put.ids) if put else 0,
        processed=len(times),
        poisoned=poisoned,
        poison_expected=len(put.poison) if put else poisoned,
        missing=_missing(put, entries) if put else 0,
        duplicates=sum(1 for count in times.values() if count > 1),
        others=len(handled) - len(times) + max(in_history - poisoned, 0),
        failed=sum(int(cycle.get("failed") or 0) for cycle in documents),
        cycles=len(documents),
        max_executions_in_flight=max_in_flight(intervals),
        overlaps=count_overlaps(intervals),
        seconds=seconds,
    )


def _missing(put: Put, entries: Sequence[Entry]) -> int:
    right = {entry.id for entry in entries if entry.right and put.values.get(entry.id) == entry.value}
    return len(put.ids - right - {*put.poisoned})


def intervals_of(cycle: Mapping[str, Any]) -> list[Interval]:
    """The executions of a Cycle document; one without an end counts up to the end of its cycle."""
    found: list[Interval] = []
    for execution in cycle.get("executions") or ():
        started, ended = execution.get("startedAt"), execution.get("endedAt") or cycle.get("endedAt")
        if started and ended:
            moments = datetime.fromisoformat(started), datetime.fromisoformat(ended)
            found.append(Interval(int(cycle["cycle"]), *moments))
    return found


def max_in_flight(intervals: Sequence[Interval]) -> int:
    """How many executions ran at once at most; one that ends as another starts does not run beside it."""
    edges = [(interval.started_at, 1) for interval in intervals] + [(each.ended_at, -1) for each in intervals]
    running = most = 0
    for _, step in sorted(edges):  # at the same moment ends (-1) come before starts
        running += step
        most = max(most, running)
    return most


def count_overlaps(intervals: Sequence[Interval]) -> int:
    """How many pairs of executions of different cycles ran at the same time."""
    ordered = sorted(intervals, key=lambda interval: interval.started_at)
    overlaps = 0
    running: list[Interval] = []
    for interval in ordered:
        running = [earlier for earlier in running if earlier.ended_at > interval.started_at]
        overlaps += sum(1 for earlier in running if earlier.cycle != interval.cycle)
        running.append(interval)
    return overlaps
