"""The books of a schedule: how notes become a cycle's document, and when a cycle is counted.

An execution writes down what it did as it goes. Whoever closes a cycle, its owner, its successor or the watchdog,
builds the same document from those notes, and the row counts each cycle once: a cycle that was opened for work stands
in `unclosed` until the write that adds it to the totals takes it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.cycle import Opening
from ebb.core.cycle_summary import summarize
from ebb.core.document import COUNT, FLAG, Document, member, part
from ebb.core.documents import Cycle, Execution, merged_errors
from ebb.core.parked import parked_by
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import LastError, ScheduleRow, Totals, UnclosedCycle

MOST_UNCLOSED = 20  # cycles; a schedule whose history cannot be written for so long opens no more of them
LOST_HOST = "lostHost"
TERMINATED = "terminated"


@dataclass(frozen=True, kw_only=True)
class Repair(Document):
    """What it took to make history and totals agree."""

    closed: tuple[int, ...] = member(
        {"type": "array", "items": COUNT}, said="cycles that were left behind and are in the books now"
    )
    before: Totals = part(Totals)
    after: Totals = part(Totals)
    trimmed: bool = member(FLAG, said="the history has forgotten cycles: totals are a lower bound")


def opened(row: ScheduleRow, owner: str | None, opening: Opening) -> ScheduleRow:
    """The row with the cycle of `opening` among those to be closed; a repeated opening changes nothing."""
    if opening.cycle is None or not (opening.decision.executions or opening.error):
        return row
    if any(entry.cycle == opening.cycle for entry in row.unclosed):
        return row
    entry = UnclosedCycle(
        cycle=opening.cycle,
        owner=owner,
        started_at=opening.started_at,
        backlog=opening.backlog,
        decision=opening.decision,
    )
    return replace(row, unclosed=(*row.unclosed, entry))


def started_at(row: ScheduleRow, number: int) -> str | None:
    """When cycle `number` was opened (RFC 3339), while it is not closed; an opening that ran twice counts once."""
    return next((entry.started_at for entry in row.unclosed if entry.cycle == number), None)


def left_behind(row: ScheduleRow, owner: str | None, number: int) -> list[UnclosedCycle]:
    """The unclosed cycles that `owner` closes before it opens cycle `number`: those of others, its own earlier ones."""
    return [entry for entry in row.unclosed if entry.owner != owner or entry.cycle < number]


def ended_by_force(row: ScheduleRow) -> ScheduleRow:
    """The row whose unclosed cycles will be closed as terminated."""
    return replace(row, unclosed=tuple(replace(entry, outcome=TERMINATED) for entry in row.unclosed))


def executions_of(
    entry: UnclosedCycle, reported: Sequence[Execution], notes: Iterable[ExecutionNote]
) -> list[Execution]:
    """The executions of the cycle of `entry`, in order: what they reported, and what the notes of the others say."""
    runs: dict[int, dict[str, Execution]] = {}
    for note in notes:
        execution = note.execution
        if (note.owner, note.cycle) == (entry.owner, entry.cycle) and execution is not None:
            runs.setdefault(note.index, {})[note.run] = execution
    answers = {execution.index: execution for execution in reported}
    found: list[Execution] = []
    for index in sorted(runs.keys() | answers.keys()):
        mine, answer = runs.get(index, {}), answers.get(index)
        if answer is not None and answer.run is not None:
            mine[answer.run] = answer
        found.append(_together(list(mine.values()), answer))
    return found


def closed(entry: UnclosedCycle, executions: Sequence[Execution], now: datetime, closed_by: str | None = None) -> Cycle:
    """The cycle of `entry`, whoever writes it down.

    Args:
        closed_by: who closes it where that is not its owner; it then ended when its last execution was heard of.
    """
    summary = summarize(executions, entry.error)
    outcome = str(entry.outcome or summary.outcome)
    if closed_by is not None and not executions and outcome == "idle":
        outcome = LOST_HOST
    ends = [str(execution.ended_at or execution.started_at) for execution in executions]
    last = max(ends, key=parse_rfc3339, default=str(entry.started_at))
    parked = parked_by(executions, parse_rfc3339(last) if closed_by else now)
    return Cycle(
        cycle=entry.cycle,
        started_at=entry.started_at,
        ended_at=last if closed_by else rfc3339(now),
        backlog=entry.backlog,
        decision=entry.decision,
        executions=tuple(replace(execution, run=None) for execution in executions),
        processed=summary.processed,
        failed=summary.failed,
        poisoned=summary.poisoned,
        parked=sum(execution.parked for execution in executions),
        parked_now=parked.messages if parked else 0,
        parked_since=parked.since if parked else None,
        abandoned=summary.abandoned,
        outcome=outcome,
        error=summary.error or (f"{outcome}: closed by {closed_by}" if closed_by and outcome == LOST_HOST else None),
        errors=merged_errors(execution.errors for execution in executions),
        at_least=any(execution.at_least for execution in executions),
        next_try_at=earliest(execution.next_try_at for execution in executions),
        closed_by=closed_by,
    )


def is_closed(row: ScheduleRow, number: int) -> bool:
    """Whether cycle `number` is in the totals already."""
    return row.closed_cycle >= number and all(entry.cycle != number for entry in row.unclosed)


def entered(row: ScheduleRow, cycle: Cycle) -> ScheduleRow:
    """The row with a closed cycle in its totals, once."""
    number = cycle.cycle
    if is_closed(row, number):
        return row
    newest = number >= int((row.last_cycle or {}).get("cycle", 0))
    ended = f"{number}-"
    told = {each: why for each, why in (row.cancelled or {}).items() if not each.startswith(ended)}
    row = replace(
        row,
        cancelled=told or None,
        unclosed=tuple(entry for entry in row.unclosed if entry.cycle != number),
        closed_cycle=max(row.closed_cycle, number),
        totals=row.totals.plus(cycle),
        history_count=row.history_count + 1,
    )
    if not newest:
        return row
    last = {key: value for key, value in cycle.to_document().items() if key != "executions"}
    return replace(
        row,
        last_cycle=last,
        error=cycle.error,
        failures=failed_in_a_row(row.failures, cycle.outcome),
        last_error=_last_error(row.last_error, cycle),
    )


def failed_in_a_row(before: int, outcome: str) -> int:
    """How many cycles in a row have failed after one with `outcome`; one that was stopped says nothing."""
    if outcome in ("stopped", TERMINATED):
        return before
    return 0 if outcome in ("succeeded", "partlyFailed", "idle") else before + 1


def _together(runs: Sequence[Execution], answer: Execution | None) -> Execution:
    """All runs of one execution as one; `answer` is what the orchestration was told, by one of them or by Durable."""
    if not runs:
        assert answer is not None
        return answer
    latest = max(runs, key=lambda run: parse_rfc3339(run.started_at))
    told = answer if answer is not None else latest
    silent = [run for run in runs if run.ended_at is None]
    died = answer is None and latest.ended_at is None
    ends = [end for run in (*runs, told) if (end := run.ended_at or (run.noted_at if died else None)) is not None]
    ages = [run.oldest_message_age for run in runs if run.oldest_message_age is not None]
    return replace(
        told,
        started_at=min((run.started_at for run in runs), key=parse_rfc3339),
        ended_at=max(ends, key=parse_rfc3339, default=None),
        outcome=LOST_HOST if died else told.outcome,
        broken=died or told.broken,
        received=sum(run.received for run in runs),
        processed=sum(run.processed for run in runs),
        failed=sum(run.failed for run in runs),
        poisoned=sum(run.poisoned for run in runs),
        parked=sum(run.parked for run in runs),
        parked_now=sum(run.parked_now for run in runs),
        parked_since=earliest(run.parked_since for run in runs),
        abandoned=sum(run.abandoned for run in runs),
        service_seconds=round(sum(run.service_seconds for run in runs), 6),
        oldest_message_age=max(ages, default=None),
        next_try_at=earliest(run.next_try_at for run in runs),
        error="its process ended without a word" if died else told.error,
        errors=merged_errors(run.errors for run in runs),
        runs=len(runs),
        at_least=bool(silent),
        noted_at=None,
        progress=None,
        current_message_age=None,
    )


def earliest(moments: Iterable[str | None]) -> str | None:
    """The earliest of times in RFC 3339; None where there is none."""
    return min((each for each in moments if each is not None), key=parse_rfc3339, default=None)


def _last_error(before: LastError | None, cycle: Cycle) -> LastError | None:
    """The latest error with how often it was the latest, in a row."""
    message, at = cycle.error, cycle.ended_at
    if message is None or at is None:
        return before
    if before is not None and before.message == message:
        return replace(before, count=before.count + 1, at=at)
    return LastError(message=message, count=1, first_at=at, at=at)
