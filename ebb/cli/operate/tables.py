"""Schedules, cycles, executions, events and poison messages as tables. What comes from outside goes through `plain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from ebb.cli.colours import ATTENTION, USUAL
from ebb.cli.operate.cells import (
    count_at_work,
    count_text,
    oldest_text,
    outcome_text,
    poison_text,
    state_text,
    troubles,
    troubles_of,
    waiting_text,
)
from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import Times, took
from ebb.core.document import Json
from ebb.core.documents import RUNNING, Cycle, Event, Execution, ExecutionOfCycle
from ebb.core.next_times import NextTimes
from ebb.core.poisoned import PoisonList
from ebb.core.schedule import Schedule
from ebb.core.wording import duration, tally

if TYPE_CHECKING:
    from ebb.core.why.answer import Evidence  # its room draws in all that `why` needs

_SCHEDULES = (
    Column("schedule", text="name"),
    Column("state"),
    Column("phase", 7),
    Column("cycle", 6, right=True),
    Column("backlog", right=True),
    Column("oldest", 3, right=True),
    Column("executions", 4, right=True),
    Column("next", 1),
    Column("processed", 5, right=True),
    Column("failed", 8, right=True),
    Column("poison", 2, right=True),
    Column("trouble", 4, text="cut"),  # what it cuts stands below the table
)
_CYCLES = (
    Column("cycle", right=True),
    Column("began"),
    Column("took", right=True),
    Column("backlog", 2, right=True),
    Column("executions", 3, right=True),
    Column("processed", right=True),
    Column("failed", 1, right=True),
    Column("poisoned", 1, right=True),
    Column("outcome"),
    Column("error", 4, text="cut"),
)
_EXECUTIONS = (
    Column("cycle", right=True),
    Column("execution", right=True),
    Column("began"),
    Column("took", 3, right=True),
    Column("outcome"),
    Column("processed", right=True),
    Column("failed", 2, right=True),
    Column("poisoned", 2, right=True),
    Column("parked", 2, right=True),
    Column("error", 1, text="fold"),
)
_AT_WORK = (
    Column("execution"),
    Column("for", right=True),
    Column("processed", 2, right=True),
    Column("failed", 1, right=True),
    Column("parked", 2, right=True),
    Column("message for", right=True),
    Column("heard of", 3, right=True),
    Column("progress", text="fold"),
)
_EVENTS = (Column("at"), Column("kind", 1), Column("what"), Column("by", 2), Column("why", text="fold"))
_POISON = (
    Column("id"),
    Column("tries", 2, right=True),
    Column("since", 3),
    Column("reason", text="fold"),
    Column("body", 1, text="cut"),
)
_EVIDENCE = (Column("at"), Column("evidence", text="fold"))
_NEXT = (Column("begins"), Column("in", 2), Column("why", text="fold"))


def schedules_table(schedules: Iterable[Schedule], times: Times) -> RenderableType:
    """One line a schedule, and below it the warnings and errors in full."""
    found = list(schedules)
    return Group(Fitted(_SCHEDULES, (_schedule(each, times) for each in found)), *troubles(found, times))


def cycles_table(cycles: Iterable[Cycle], times: Times) -> RenderableType:
    """Cycles, one a line."""
    return Fitted(_named(_CYCLES, "began", times), (_cycle(each, times) for each in cycles))


def executions_table(executions: Iterable[Execution], times: Times) -> RenderableType:
    """Executions of any cycles, one a line."""
    return Fitted(_named(_EXECUTIONS, "began", times), (_execution(each, times) for each in executions))


def at_work_table(executions: Iterable[ExecutionOfCycle], times: Times) -> RenderableType:
    """Executions at work: for how long, and for how long the oldest message in their hands, so that one that hangs is
    told from one that is long.
    """
    rows = (
        (
            f"{each.cycle}-{each.index}",
            times.since(each.started_at),
            str(each.processed),
            str(each.failed),
            str(each.parked_now or ""),
            duration(round(each.current_message_age)) if each.current_message_age else "",
            f"{times.since(each.noted_at)} ago" if each.noted_at else "",
            each.progress or each.error or "",
        )
        for each in executions
    )
    return Fitted(_AT_WORK, rows)


def events_table(events: Iterable[Event], times: Times) -> RenderableType:
    """Who did what and when, and what the watchdog met."""
    rows = (
        (
            times.clock(each.at),
            each.kind,
            ", ".join(filter(None, (each.action, _mode(each)))),
            each.by or "-",
            each.reason or each.cause or _change(each.details),
        )
        for each in events
    )
    return Fitted(_named(_EVENTS, "at", times), rows)


def poison_table(page: PoisonList, times: Times) -> RenderableType:
    """The first messages in a poison place."""
    rows = (
        (
            each.id,
            str(each.about.get("dequeueCount", "-")),
            times.clock(each.about.get("deadLetteredAt")),
            str(each.reason),
            each.body,
        )
        for each in page.value
    )
    note = f": {page.note}" if page.note else ""
    shown = literal(f"{len(page.value)} of {page.count} shown{note}")
    return Group(Fitted(_named(_POISON, "since", times), rows), shown)


def next_table(found: NextTimes, times: Times) -> RenderableType:
    """The next fire times, one a line, in the schedule's own time zone."""
    rows = (
        (each.local, times.relative(each.at), "; ".join(filter(None, (each.reason, each.note)))) for each in found.value
    )
    head = [literal(f"held back: {found.blocked_by}", style=ATTENTION)] if found.blocked_by else []
    return Group(*head, Fitted(_NEXT, rows))


def evidence_table(evidence: Iterable[Evidence], times: Times) -> RenderableType:
    """What an answer follows from, one piece a line; `-` where it has no time of its own."""
    rows = ((times.clock(each.at.isoformat() if each.at else None), each.text) for each in evidence)
    return Fitted(_named(_EVIDENCE, "at", times), rows)


def _named(columns: Sequence[Column], heading: str, times: Times) -> tuple[Column, ...]:
    """The columns, with the time zone in the heading of the one that holds times."""
    return tuple(
        Column(f"{heading} ({times.name})", each.rank, each.right, each.text) if each.heading == heading else each
        for each in columns
    )


def _schedule(each: Schedule, times: Times) -> tuple[str | Text, ...]:
    found = troubles_of(each, times)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return (
        each.name,
        state_text(each.state),
        each.phase or "-",
        str(each.cycle),
        waiting_text(each.backlog, times),
        oldest_text(each.backlog),
        str(count_at_work(each)),
        times.relative(each.next_cycle_at),
        tally(each.totals.processed, each.totals.at_least),
        tally(each.totals.failed, each.totals.at_least),
        poison_text(each),
        literal(f"{found[0]}{more}" if found else "-", style=ATTENTION if found else USUAL),
    )


def _cycle(each: Cycle, times: Times) -> tuple[str | Text, ...]:
    return (
        str(each.cycle),
        times.clock(each.started_at),
        took(each.started_at, each.ended_at),
        count_text(each.backlog),
        str(each.decision.executions) if each.decision else "-",
        tally(each.processed, each.at_least),
        tally(each.failed, each.at_least),
        tally(each.poisoned, each.at_least),
        outcome_text(each.outcome),
        each.error or "",
    )


def _execution(each: Execution, times: Times) -> tuple[str | Text, ...]:
    return (
        str(each.cycle) if isinstance(each, ExecutionOfCycle) else "",
        str(each.index),
        times.clock(each.started_at),
        took(each.started_at, each.ended_at),
        outcome_text(each.outcome or RUNNING),
        tally(each.processed, each.at_least),
        tally(each.failed, each.at_least),
        tally(each.poisoned, each.at_least),
        str(each.parked or ""),
        each.error
        or each.progress
        or (f"begun {each.runs} times: a run ended without a word" if each.at_least else ""),
    )


def _mode(event: Event) -> str | None:
    """How a schedule was stopped, where that was not the usual way."""
    mode = event.details.get("mode")
    return None if mode == "graceful" else mode


def _change(details: Mapping[str, Any]) -> str:
    """What a change of settings changed: `maxExecutions: 10 -> 5`."""
    before: Json = details.get("before") or {}
    after: Json = details.get("after") or {}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(f"{key}: {before.get(key, 'deployed')} -> {after.get(key, 'deployed')}" for key in changed)
