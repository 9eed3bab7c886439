"""The books of one schedule against the ledger: sums over the history, the totals on the row, and what handlers did.

A handler may do a message twice (a crash after the work and before the removal), so the ledger gives two numbers: how
many messages were done, and how often. The books are right anywhere between them, if both of them say the same. They
may say less than was done only where they say so themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.chaos.ledger import Record

COUNTS = ("processed", "poisoned", "failed")
_ROUNDING = timedelta(milliseconds=5)  # times in the history are cut to milliseconds
ADMITS = ("lowerBound", "isLowerBound", "atLeast", "lowerBounds")  # members of `totals` that say "there may be more"


@dataclass(frozen=True)
class Count:
    """One number in three places."""

    name: str
    history: int
    totals: int
    least: int  # the ledger
    most: int

    @property
    def is_right(self) -> bool:
        """Whether the three agree."""
        return self.history == self.totals and self.least <= self.history <= self.most

    def is_low(self) -> bool:
        """Whether the books say less than was done, both the same."""
        return self.history == self.totals < self.least

    def __str__(self) -> str:
        ledger = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{self.name}: history {self.history}, totals {self.totals}, ledger {ledger}"


def counts_of(
    record: Record, schedule: str, document: Mapping[str, Any], cycles: Iterable[Mapping[str, Any]]
) -> list[Count]:
    """The three numbers of each count.

    Args:
        document: the Schedule document.
        cycles: the whole history.
    """
    cycles = list(cycles)
    ledger = _ledger(record, schedule)
    return [
        Count(
            name,
            sum(int(cycle.get(name) or 0) for cycle in cycles),
            int((document.get("totals") or {}).get(name) or 0),
            *ledger[name],
        )
        for name in COUNTS
        if name in ledger
    ]


def wrong(counts: Iterable[Count], document: Mapping[str, Any]) -> list[Count]:
    """The counts that are wrong; too low is right where the document says that it is a lower bound."""
    totals = document.get("totals") or {}
    admits = any(totals.get(name) for name in ADMITS)
    return [each for each in counts if not each.is_right and not (admits and each.is_low())]


def overlaps_shown(cycles: Iterable[Mapping[str, Any]]) -> list[str]:
    """Pairs of cycles whose executions overlap by what the history says of their times."""
    spans = sorted(
        (datetime.fromisoformat(each["startedAt"]), datetime.fromisoformat(each["endedAt"]), int(cycle["cycle"]))
        for cycle in cycles
        for each in cycle.get("executions") or ()
        if each.get("startedAt") and each.get("endedAt")
    )
    found: list[str] = []
    running: list[tuple[datetime, int]] = []
    for begin, end, number in spans:
        running = [(until, other) for until, other in running if until > begin + _ROUNDING]
        found += [
            f"cycle {number} begins {(until - begin).total_seconds():.2f} s before cycle {other} ends"
            for until, other in running
            if other != number
        ]
        running.append((end, number))
    return found


def _ledger(record: Record, schedule: str) -> dict[str, tuple[int, int]]:
    done = [each.message for each in record.handlings if each.schedule == schedule and each.outcome == "done"]
    mine = {put.message for put in record.puts.values() if put.schedule == schedule}
    poisoned = [message for message, _ in record.poisoned if message in mine]
    raised = [each for each in record.handlings if each.schedule == schedule and each.outcome == "raised"]
    return {
        "processed": (len({*done} - {*poisoned}), len(done)),
        "poisoned": (len({*poisoned}), len(poisoned)),
        "failed": (0, len(raised)),  # a raise whose message could not be given back counts as lost
    }
