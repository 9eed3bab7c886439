"""The checker of a whole run: what was promised, held against what the ledger says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.chaos.ledger import LEASE, Handling, Record
from tests.chaos.work_times import Work, executions_at_work, handlers_at_work, most_at_once, overlapping, slots_taken

WELL = "well"  # the job of a message that nothing is wrong with
WELL_TOO = (WELL, "once-again", "once-skip")  # and of those that have an effect besides
REPLAY = "replay"  # the kind of a time in which poison messages were put back


@dataclass(frozen=True)
class Violation:
    """One promise that was not kept. `kind` is a column of the table, or part of "other"."""

    kind: str
    text: str


def check(
    record: Record,
    limits: Mapping[str, int],
    handler_limit: float = float("inf"),
    waiting: frozenset[str] = frozenset(),
    of_a_key: int | None = None,
) -> list[Violation]:
    """All promises that hold whatever happens; books and recovery are looked at by `books` and `recovery`.

    Args:
        limits: `maxExecutions` by schedule.
        handler_limit: seconds after which a handler that has not ended is abandoned.
        waiting: ids of messages that are still in a queue.
        of_a_key: messages of one key in handlers at once; None: any number.
    """
    now = time.time()
    executions, handlers = executions_at_work(record, now), handlers_at_work(record, now, handler_limit)
    found = _lost(record, waiting) + _poison(record) + _duplicates(record)
    for kind, pairs in (("overlap", overlapping(executions)), ("handlers overlap", overlapping(handlers))):
        if pairs:
            one, other = max(pairs, key=_shared)
            names = f"{_name(one.turn)} on {one.host} and {_name(other.turn)} on {other.host}"
            found.append(Violation(kind, f"{len(pairs)} pairs, at most {names} for {_shared((one, other)):.2f} s"))
    if of_a_key is not None:
        found += _keys(record, handlers, of_a_key)
    for schedule, most in most_at_once(slots_taken(record, now)).items():
        if most > limits[schedule]:
            text = (
                f"{schedule}: {most} executions at once or with abandoned handlers, maxExecutions is {limits[schedule]}"
            )
            found.append(Violation("too many", text))
    return found


def recovery(record: Record, since: int = 0) -> list[tuple[str, float | None]]:
    """For each fault that ended while messages waited: its kind, and the seconds until a handler began; None: never.

    A message waits at that moment if it was put before and is handled for the first time after it, or never. Where
    something else breaks before a handler begins, that is judged instead: nobody promises how long this one took.

    Args:
        since: so many faults are left out, the earliest.
    """
    first: dict[str, float] = {}
    for each in record.handlings:
        first.setdefault(each.message, each.begin)
    found: list[tuple[str, float | None]] = []
    for span in record.spans[since:]:
        if span.end == float("inf"):
            continue
        waited = any(
            put.at <= span.end < first.get(put.message, float("inf")) for put in record.puts.values() if put.certain
        )
        if waited:
            begins = [each.begin for each in record.handlings if each.begin >= span.end]
            next_fault = min((each.begin for each in record.spans if each.begin >= span.end), default=float("inf"))
            if next_fault < min(begins, default=float("inf")):
                continue
            found.append((span.kind, min(begins) - span.end if begins else None))
    return found


def _lost(record: Record, waiting: frozenset[str]) -> list[Violation]:
    done = {each.message for each in record.handlings if each.outcome == "done"}
    settled = done | {message for message, _ in record.poisoned} | waiting
    lost = [put.number for put in record.puts.values() if put.certain and put.message not in settled]
    return [Violation("lost", f"{len(lost)} messages, numbers {lost[:8]}")] if lost else []


def _poison(record: Record) -> list[Violation]:
    found: list[Violation] = []
    jobs = {put.message: put.job for put in record.puts.values()}
    times = Counter(message for message, _ in record.poisoned)
    if silent := {message for message, reason in record.poisoned if not reason}:
        found.append(Violation("no reason", f"{len(silent)} messages are poison and nobody says why"))
    if twice := [message for message, count in times.items() if count > 1]:
        found.append(Violation("poison twice", f"{len(twice)} messages stand in the poison queue more than once"))
    if innocent := [message for message in times if jobs.get(message) in WELL_TOO]:
        found.append(Violation("innocent", f"{len(innocent)} messages with a well handler became poison"))
    if record.mangled:
        found.append(Violation("body", f"{len(record.mangled)} messages lie in the poison place with another body"))
    return found


def _keys(record: Record, handlers: list[Work], of_a_key: int) -> list[Violation]:
    """Keys of which more messages were in handlers at once than may be."""
    by_key = [
        replace(work, schedule=f"{work.schedule}/{handling.key}")
        for work, handling in zip(handlers, record.handlings, strict=True)
        if handling.key is not None
    ]
    return [
        Violation("too many", f"{most} messages of key {key} at once, perKey.concurrency is {of_a_key}")
        for key, most in most_at_once(by_key).items()
        if most > of_a_key
    ]


def _duplicates(record: Record) -> list[Violation]:
    """Handlings of a message after its first that no fault explains."""
    last: dict[str, Handling] = {}
    unexplained: list[str] = []
    for each in record.handlings:
        before = last.get(each.message)
        if before is not None and not _explained(record, before, each):
            outcome = before.outcome or "no end"
            unexplained.append(f"{each.number} after {each.begin - before.begin:.2f} s ({outcome})")
        last[each.message] = each
    text = f"{len(unexplained)} handlings, as of number {unexplained[0]}" if unexplained else ""
    return [Violation("duplicate", text)] if unexplained else []


def _explained(record: Record, before: Handling, after: Handling) -> bool:
    """Whether something that happened between two handlings of a message is a reason for the second.

    The lease of the first is older than its handling: a fault that was over when the handler began may have kept it
    from being renewed, so that it ran out before the message could be removed.
    """
    if before.outcome in ("raised", "cancelled"):  # a try that failed, or one that replicaTimeout ended
        return True
    if before.outcome == "refused" and any(
        span.kind == REPLAY and span.touches(before.begin, after.begin) for span in record.spans
    ):
        return True
    death = record.death_of(before.host, before.begin)
    if death is not None and death <= after.begin:
        return True
    return any(
        span.doubles and span.host in (None, before.host) and span.touches(before.begin - LEASE, after.begin)
        for span in record.spans
    )


def _shared(pair: tuple[Work, Work]) -> float:
    """Seconds that both were at work."""
    return min(pair[0].end, pair[1].end) - pair[1].begin


def _name(turn: tuple[str, int]) -> str:
    owner, cycle = turn
    return f"cycle {cycle} of {owner[-8:]}"
