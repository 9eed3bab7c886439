"""What is promised of effects, budgets and batches, held against what the ledger says.

An effect (`message.once`) with unsure: skip happens at most once, with again at least once; where it happened twice, or
not at all, a process died between, or a limit (`replicaTimeout`) ended the handler in the middle of it. All who share
a budget begin no more than its rate and one portion in any time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ebb.core.budget import PORTION
from tests.chaos.checker import Violation
from tests.chaos.ledger import Effect, Record

ONCE = "once-"  # begins the jobs that have an effect


def check(
    record: Record, settings: Mapping[str, Any], budgets: Mapping[str, Mapping[str, float]], hosts: int
) -> list[Violation]:
    """All of these promises, for schedules that share `settings`, on so many hosts."""
    found = effects(record)
    if "batch" in settings:
        found += batches(record, int(settings["batch"]["size"]))
    if "budget" in settings:
        found += rate(record, budgets[settings["budget"]]["rate"], hosts)
    return found


def effects(record: Record) -> list[Violation]:
    """Effects that happened twice, or not at all, without a death or a limit that explains it."""
    had: dict[str, list[Effect]] = defaultdict(list)
    for effect in record.effects:
        had[effect.message].append(effect)
    twice = [each[0].number for each in had.values() if not _may_be_repeated(record, each)]
    done = {each.message for each in record.handlings if each.outcome == "done"}
    missing = [
        put.number
        for put in record.puts.values()
        if put.job.startswith(ONCE) and put.message in done and put.message not in had and not _was_skipped(record, put)
    ]
    found = [Violation("effect twice", f"{len(twice)} messages, numbers {twice[:8]}")] if twice else []
    return found + ([Violation("effect lost", f"{len(missing)} messages, numbers {missing[:8]}")] if missing else [])


def rate(record: Record, a_second: float, hosts: int) -> list[Violation]:
    """Times in which more handlers began than the rate and one portion allow.

    A handler may begin late, where the machine stands still between the gate that lets its message pass and its first
    line: one for each host.
    """
    most = max(1.0, a_second * PORTION) + hosts
    lowest, worst, span = float("inf"), 0.0, (0.0, 0.0)
    earliest = 0.0
    for index, begin in enumerate(sorted(each.begin for each in record.handlings)):
        level = index - a_second * begin
        if level < lowest:
            lowest, earliest = level, begin
        if level + 1 - lowest > worst:
            worst, span = level + 1 - lowest, (earliest, begin)
    if worst <= most:
        return []
    begun = sum(span[0] <= each.begin <= span[1] for each in record.handlings)
    allowed = f"{a_second:g}/s and a portion allow {a_second * (span[1] - span[0]) + most:.1f}"
    return [Violation("over rate", f"{begun} handlers began within {span[1] - span[0]:.2f} s; {allowed}")]


def batches(record: Record, size: int) -> list[Violation]:
    """Batches of more messages than `batch.size`."""
    counts = Counter(each.batch for each in record.handlings if each.batch is not None)
    large = [count for count in counts.values() if count > size]
    return [Violation("over batch", f"{len(large)} batches, the largest of {max(large)}")] if large else []


def _may_be_repeated(record: Record, had: list[Effect]) -> bool:
    if len(had) > 1 and had[0].unsure == "skip":
        return False
    for before, after in pairwise(had):
        death = record.death_of(before.host, before.at)
        if (death is None or death > after.at) and not _was_cancelled(record, before.message, before.at, after.at):
            return False
    return True


def _was_cancelled(record: Record, message: str, since: float, until: float) -> bool:
    tries = [each for each in record.handlings if each.message == message and each.outcome == "cancelled"]
    return any(each.end is not None and since <= each.end <= until for each in tries)


def _was_skipped(record: Record, put: Any) -> bool:
    """Whether it is one that may be skipped, and somebody died at it, or was ended by a limit."""
    if put.job != ONCE + "skip":
        return False
    tries = [each for each in record.handlings if each.message == put.message]
    died = any(each.end is None and record.death_of(each.host, each.begin) is not None for each in tries)
    return died or any(each.outcome == "cancelled" for each in tries)
