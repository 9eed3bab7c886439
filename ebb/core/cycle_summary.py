"""What the executions of a cycle did, folded into one summary with one outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ebb.core.documents import ErrorCount, Execution


@dataclass(frozen=True)
class CycleSummary:
    """What the executions of a cycle did, together."""

    received: int = 0
    processed: int = 0
    failed: int = 0
    poisoned: int = 0
    abandoned: int = 0  # handlers that still ran when their execution had ended
    outcome: str = "idle"  # succeeded, partlyFailed, failed, timedOut, lostHost, stopped, idle
    error: str | None = None
    broken: bool = False  # the cycle itself failed, not only handlers: the next one waits longer


STOPPED_OUTCOMES = frozenset({"stopped", "fenceLost"})


def summarize(executions: Sequence[Execution], error: str | None) -> CycleSummary:
    """Fold what all executions did, and the error of the measurement if there was one.

    One broken execution makes the cycle so. Where only handlers failed, it counts whether anything succeeded. The first
    error is the cycle's.
    """
    broken = [each for each in executions if each.broken]
    errors = [error or None, *(each.error for each in (*broken, *executions))]
    summary = CycleSummary(
        received=sum(each.received for each in executions),
        processed=sum(each.processed for each in executions),
        failed=sum(each.failed for each in executions),
        poisoned=sum(each.poisoned for each in executions),
        abandoned=sum(each.abandoned for each in executions),
        error=next((each for each in errors if each is not None), None),
        broken=bool(error or broken),
    )
    return replace(summary, outcome=_outcome(executions, broken, error, summary))


def outcome_of(processed: int, failed: int, poisoned: int) -> str:
    """The outcome of work whose handlers were all called: whether all, some or none of the messages succeeded."""
    if not failed and not poisoned:
        return "succeeded"
    return "partlyFailed" if processed else "failed"


def _outcome(
    executions: Sequence[Execution],
    broken: Sequence[Execution],
    error: str | None,
    summary: CycleSummary,
) -> str:
    if error or broken:
        kinds = {str(each.outcome) for each in broken}
        return kinds.pop() if len(kinds) == 1 and not error else "failed"
    if any(execution.outcome in STOPPED_OUTCOMES for execution in executions):
        return "stopped"
    return outcome_of(summary.processed, summary.failed, summary.poisoned) if executions else "idle"


def crashed_execution(index: int, started_at: str, ended_at: str, error: str) -> Execution:
    """An execution that raised instead of reporting; its notes tell what it did. Times are RFC 3339."""
    return Execution(
        index=index,
        started_at=started_at,
        ended_at=ended_at,
        outcome="failed",
        broken=True,
        error=error,
        errors=(ErrorCount(type="crash", count=1, example=error),),
    )
