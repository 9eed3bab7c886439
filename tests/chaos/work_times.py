"""When executions were at work, as the ledger tells: the base of "never two cycles at once" and "never too many".

An execution works from its beginning to its end, or to the death of its host. While its host is frozen (SIGSTOP) it
does not work; whether it goes on afterwards shows in the handlers that it begins then. One that begins none only finds
that it is late, and ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tests.chaos.ledger import Execution, Handling, Record

FROZEN = "freeze"


@dataclass(frozen=True)
class Work:
    """A time in which one execution, or one handler, was at work."""

    schedule: str
    turn: tuple[str, int]  # owner and cycle: whoever shares them may work at once
    host: str
    begin: float
    end: float


def executions_at_work(record: Record, now: float) -> list[Work]:
    """The times of all executions; those that have not ended are taken to work until `now`."""
    begun: dict[str, list[Handling]] = {}
    for handling in record.handlings:
        begun.setdefault(handling.run, []).append(handling)
    return [work for each in record.executions for work in _times(record, each, begun.get(each.run, []), now)]


def handlers_at_work(record: Record, now: float, limit: float = float("inf")) -> list[Work]:
    """The times of all handlers, each until its limit in seconds: from then on it is abandoned, and `slots_taken` is
    what is promised for it. One whose host froze counts until then: it goes on later, and nobody can promise that it
    does not.
    """
    owners = {each.run: each.owner for each in record.executions}
    found: list[Work] = []
    for each in record.handlings:
        end = min(_until(record, each, now), each.begin + limit)
        found.append(Work(each.schedule, (owners.get(each.run, ""), each.cycle), each.host, each.begin, end))
    return found


def slots_taken(record: Record, now: float) -> list[Work]:
    """The times in which executions count against `maxExecutions`: until the last handler that they abandoned ends."""
    begun: dict[str, list[Handling]] = {}
    for handling in record.handlings:
        begun.setdefault(handling.run, []).append(handling)
    found: list[Work] = []
    for each in record.executions:
        mine = begun.get(each.run, [])
        works = _times(record, each, mine, now)
        last = max((_until(record, handling, now) for handling in mine), default=each.begin)
        found += [*works[:-1], replace(works[-1], end=max(works[-1].end, last))]
    return found


def overlapping(works: Iterable[Work]) -> list[tuple[Work, Work]]:
    """Pairs of one schedule that were at work at the same time and do not belong to one cycle of one owner."""
    pairs: list[tuple[Work, Work]] = []
    for _, group in _by_schedule(works):
        running: list[Work] = []
        for work in sorted(group, key=lambda each: each.begin):
            running = [earlier for earlier in running if earlier.end > work.begin]
            pairs += [(earlier, work) for earlier in running if earlier.turn != work.turn]
            running.append(work)
    return pairs


def most_at_once(works: Iterable[Work]) -> dict[str, int]:
    """By schedule: how many were at work at once at most. One that ends as another begins does not count with it."""
    most: dict[str, int] = {}
    for schedule, group in _by_schedule(works):
        edges = sorted([(each.begin, 1) for each in group] + [(each.end, -1) for each in group])
        count = 0
        for _, step in edges:
            count += step
            most[schedule] = max(most.get(schedule, 0), count)
    return most


def _until(record: Record, handling: Handling, now: float) -> float:
    """When a handler ended, its host died or froze."""
    end = _end(record, handling.host, handling.begin, handling.end, now)
    return min([end, *(begin for begin, _ in _freezes(record, handling.host, handling.begin, end))])


def _by_schedule(works: Iterable[Work]) -> list[tuple[str, list[Work]]]:
    groups: dict[str, list[Work]] = {}
    for work in works:
        groups.setdefault(work.schedule, []).append(work)
    return list(groups.items())


def _times(record: Record, execution: Execution, handlings: list[Handling], now: float) -> list[Work]:
    begin, end = execution.begin, _end(record, execution.host, execution.begin, execution.end, now)
    turn = (execution.owner, execution.cycle)
    found: list[Work] = []
    for frozen in sorted(_freezes(record, execution.host, begin, end), key=lambda each: each[0]):
        found.append(Work(execution.schedule, turn, execution.host, begin, frozen[0]))
        later = [each.begin for each in handlings if frozen[1] <= each.begin <= end]
        if not later:
            return found
        begin = min(later)
    return [*found, Work(execution.schedule, turn, execution.host, begin, end)]


def _freezes(record: Record, host: str, begin: float, end: float) -> list[tuple[float, float]]:
    return [
        (span.begin, span.end)
        for span in record.spans
        if span.kind == FROZEN and span.host == host and begin < span.begin < end
    ]


def _end(record: Record, host: str, begin: float, end: float | None, now: float) -> float:
    """An end that was written counts; otherwise the death of the host, otherwise now."""
    if end is not None:
        return end
    death = record.death_of(host, begin)
    return now if death is None else death
