"""The books of one schedule against the ledger: sums over the history, the totals on the row, and what handlers did.

A handler may do a message twice (a crash after the work and before the removal), so the ledger gives two numbers: how
many messages were done, and how often. The books are right anywhere between them, if both of them say the same. They
may say less than was done only where they say so themselves, and only by what was done in executions that could not
write it down: their host died, or something was broken while they worked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ebb.core.planning.lanes import KEPT_EVERY
from tests.chaos.ledger import Execution, Handling, Record

COUNTS = ("processed", "poisoned", "failed")
_ROUNDING = timedelta(milliseconds=5)  # times in the history are cut to milliseconds
_LAST_WORD = 6.0  # seconds after its work in which an execution writes down what it did; the proxy may hold that for 5
_ADMITS = "atLeast"  # the member of `totals` that says "there may be more"


@dataclass(frozen=True)
class Count:
    """One number in three places."""

    name: str
    history: int
    totals: int
    least: int  # the ledger
    most: int
    untold: int = 0  # how many of them may be missing where the books admit it

    @property
    def is_right(self) -> bool:
        """Whether the three agree."""
        return self.history == self.totals and self.least <= self.history <= self.most

    def is_low(self) -> bool:
        """Whether the books say less than was done, both the same, and no less than can be explained."""
        return self.history == self.totals and self.least - self.untold <= self.history < self.least

    def __str__(self) -> str:
        ledger = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        return f"{self.name}: history {self.history}, totals {self.totals}, ledger {ledger}"


def counts_of(
    record: Record, schedule: str, document: Mapping[str, Any], cycles: Iterable[Mapping[str, Any]], limit: float
) -> list[Count]:
    """The three numbers of each count.

    Args:
        document: the Schedule document.
        cycles: the whole history.
        limit: seconds after which a handler that has not ended counts as one that failed.
    """
    cycles = list(cycles)
    ledger = _ledger(record, schedule, limit)
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
    return [each for each in counts if not each.is_right and not (totals.get(_ADMITS) and each.is_low())]


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


def starved(cycles: Iterable[Mapping[str, Any]]) -> list[str]:
    """Strict lanes that were passed over for longer than promised, by what the decisions of `cycles` say of them."""
    found: list[str] = []
    passed: dict[str, int] = {}
    for cycle in sorted(cycles, key=lambda each: int(each["cycle"])):
        _, told, rest = str((cycle.get("decision") or {}).get("reason")).partition("lanes in order: ")
        if not told:
            continue
        lanes = rest.split(";")[0].split(", ")
        waiting = [lane.split(" ")[0] for lane in lanes if lane.endswith("(waits)")]
        passed = {name: passed.get(name, 0) + 1 for name in waiting}
        found += [
            f"lane {name} waits for the {times}th cycle in a row in cycle {cycle['cycle']}"
            for name, times in passed.items()
            if times >= KEPT_EVERY * (len(lanes) - 1)
        ]
    return found


def _ledger(record: Record, schedule: str, limit: float) -> dict[str, tuple[int, int, int]]:
    broken = {each.run for each in record.executions if _is_broken(record, each)}
    mine = [each for each in record.handlings if each.schedule == schedule]
    done = [each.message for each in mine if each.outcome == "done"]
    untold = {each.message for each in mine if each.run in broken}
    put = {each.message for each in record.puts.values() if each.schedule == schedule}
    poisoned = [message for message, _ in record.poisoned if message in put]
    at_last = {*poisoned} - (record.replayed & {*done})  # poison, and nothing else
    return {
        "processed": (len({*done} - at_last), len(done), len(untold & {*done})),
        "poisoned": (len({*poisoned}), len(poisoned), len(untold & {*poisoned})),
        # At least none: a raise whose message could not be given back counts as lost.
        "failed": (0, sum(_may_have_failed(each, limit) for each in mine), 0),
    }


def _may_have_failed(handling: Handling, limit: float) -> bool:
    """Whether it raised, was ended, or was abandoned."""
    if handling.end is None:
        return True
    return (
        handling.outcome in ("raised", "cancelled")
        or handling.end - handling.begin >= limit - _ROUNDING.total_seconds()
    )


def _is_broken(record: Record, execution: Execution) -> bool:
    """Whether an execution may have had no chance to write down what it did."""
    if execution.end is None:
        return True
    return any(span.touches(execution.begin, execution.end + _LAST_WORD) for span in record.spans)
