"""The account of a run: what was put, what the handler wrote down, what the history says. Pure.

Nothing is taken on trust: a message counts as processed because the ledger has it, with the right answer; executions
overlap or not by the times in the history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ebb.local.ledger import Entry


@dataclass(frozen=True)
class Interval:
    """One execution: the cycle it belongs to, and its time."""

    cycle: int
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class Summary:
    """Counts of one run."""

    enqueued: int  # messages put, poison included
    processed: int  # different messages that the handler finished
    poisoned: int  # messages that went to the poison queue, by the history
    poison_expected: int
    missing: int  # messages put that were neither handled with the right answer nor poisoned
    duplicates: int  # messages that were handled more than once
    failed: int  # failed tries, by the history; each was followed by another one, or by poison
    cycles: int  # with work or an error, by the history
    max_executions_in_flight: int
    overlaps: int  # pairs of executions of different cycles that ran at the same time
    seconds: float  # from the first message put to the last one handled

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, in words; empty when every message was handled exactly as it should."""
        checks = (
            (self.missing, f"{self.missing} messages were not handled as they should"),
            (self.duplicates, f"{self.duplicates} messages were handled more than once"),
            (self.overlaps, f"{self.overlaps} pairs of executions of different cycles overlapped"),
            (
                self.poisoned != self.poison_expected,
                f"{self.poisoned} messages were poisoned, {self.poison_expected} should have been",
            ),
        )
        return [text for fault, text in checks if fault]

    def as_json(self) -> dict[str, Any]:
        """The counts in the names of the command's JSON object."""
        rate = self.processed / self.seconds if self.seconds > 0 else 0.0
        return {
            "enqueued": self.enqueued,
            "processed": self.processed,
            "poisoned": self.poisoned,
            "missing": self.missing,
            "duplicates": self.duplicates,
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
        return (
            f"{self.enqueued} put, {self.processed} processed in {self.seconds:.1f} s{rate}, {self.poisoned} poisoned, "
            f"{self.missing} not handled, {self.duplicates} handled twice; {self.cycles} cycles with at most "
            f"{self.max_executions_in_flight} executions at once, {self.overlaps} overlaps"
        )


def summarise(
    put: Mapping[str, int],
    poison: Collection[str],
    entries: Sequence[Entry],
    cycles: Iterable[Mapping[str, Any]],
    seconds: float,
) -> Summary:
    """The account of a run.

    Args:
        put: message id to value, of the messages that a handler can read.
        poison: ids of the messages that no handler can read.
        entries: what the handler wrote down.
        cycles: Cycle documents with their executions.
        seconds: how long it took.
    """
    documents = list(cycles)
    times = Counter(entry.id for entry in entries)
    right = {entry.id for entry in entries if entry.right and put.get(entry.id, entry.value) == entry.value}
    intervals = [interval for cycle in documents for interval in intervals_of(cycle)]
    poisoned = sum(int(cycle.get("poisoned") or 0) for cycle in documents)
    unhandled = len(put.keys() - right) + len(poison)
    return Summary(
        enqueued=len(put) + len(poison),
        processed=len(times),
        poisoned=poisoned,
        poison_expected=len(poison),
        missing=max(unhandled - poisoned, 0),
        duplicates=sum(1 for count in times.values() if count > 1),
        failed=sum(int(cycle.get("failed") or 0) for cycle in documents),
        cycles=len(documents),
        max_executions_in_flight=max_in_flight(intervals),
        overlaps=count_overlaps(intervals),
        seconds=seconds,
    )


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
