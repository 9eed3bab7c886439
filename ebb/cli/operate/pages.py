"""One schedule, one cycle, one plan, each as a page: everything that is known, in sentences and lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.cli.colours import ATTENTION, HEADING, QUIET
from ebb.cli.operate.cells import oldest_text, state_text
from ebb.cli.operate.literal import literal
from ebb.cli.operate.tables import (
    at_work_table,
    cycles_table,
    events_table,
    evidence_table,
    executions_table,
)
from ebb.cli.operate.times import Times, took
from ebb.core.documents import Cycle, ErrorCount, Event
from ebb.core.plan import KeyLimits, Plan
from ebb.core.row.schedule_row import Totals
from ebb.core.schedule import Schedule
from ebb.core.wording import counted, duration, tally

if TYPE_CHECKING:
    from ebb.core.why.answer import Why  # its room draws in all that `why` needs

AT_LEAST = "at least so many: a run of an execution ended without a word"


def schedule_page(schedule: Schedule, cycles: Iterable[Cycle], events: Iterable[Event], times: Times) -> RenderableType:
    """All about one schedule: what it is at, what comes next and why, what was, and how it is set."""
    state = state_text(schedule.state)
    if schedule.phase:
        since = f" for {times.since(schedule.phase_since)}" if schedule.phase_since else ""
        state.append(f", {schedule.phase}{since}, cycle {schedule.cycle}")
    facts = facts_table(
        ("state", state),
        ("reason", schedule.reason),
        ("until", times.full(schedule.until) if schedule.until else None),
        ("changed", _changed(schedule, times)),
        ("instance", f"{schedule.instance_id} in task hub {schedule.task_hub or '-'}"),
        ("backlog", _backlog(schedule, times)),
        ("parked", _parked(schedule, times)),
        ("decided", _decided(schedule, times)),
        ("next", next_of(schedule, times)),
        ("failing", _failing(schedule, times)),
        ("poison", _poison(schedule, times)),
        ("in all", totals_text(schedule.totals)),
        ("overrides", ", ".join(f"{key}={value}" for key, value in schedule.overrides.items())),
    )
    past, happened = list(cycles), list(events)
    lists: list[RenderableType] = []
    if at_work := schedule.executions:
        lists += [literal("\nat work", style=HEADING), at_work_table(at_work, times)]
    if past:
        lists += [literal("\nlast cycles", style=HEADING), cycles_table(past, times)]
    if happened:
        lists += [literal("\nlast events", style=HEADING), events_table(happened, times)]
    return Group(literal(schedule.name, style=HEADING), facts, *_troubles(schedule), *lists)


def cycle_page(cycle: Cycle, times: Times) -> RenderableType:
    """One cycle with its executions."""
    facts = facts_table(
        ("outcome", cycle.outcome),
        ("began", times.full(cycle.started_at)),
        ("ended", times.full(cycle.ended_at) if cycle.ended_at else "not yet"),
        ("took", took(cycle.started_at, cycle.ended_at) if cycle.ended_at else None),
        ("backlog", counted(cycle.backlog.count, "message") if cycle.backlog else None),
        ("decided", cycle.decision.reason if cycle.decision else None),
        ("counts", AT_LEAST if cycle.at_least else None),
        ("then", cycle.wait.reason if cycle.wait else None),
        ("parked", f"messages for their keys, {counted(cycle.parked, 'time')} (perKey)" if cycle.parked else None),
        ("error", None if cycle.error in [each.example for each in _kinds(cycle)] else cycle.error),
        ("errors", "\n".join(f"{each.example or each.type} ({counted(each.count, 'time')})" for each in _kinds(cycle))),
    )
    executions = cycle.executions
    lists = [literal("\nexecutions", style=HEADING), executions_table(executions, times)] if executions else []
    return Group(literal(f"cycle {cycle.cycle}", style=HEADING), facts, *lists)


def plan_text(plan: Plan, times: Times, phase: str | None = None) -> str:
    """The plan in a few lines: what stands against it, how many executions and why, and the wait after them.

    Args:
        phase: of the schedule now; None: nothing is at work.
    """
    decision = plan.decision
    lines = [_begins(plan, times, phase), f"{counted(decision.executions, 'execution')}: {decision.reason}"]
    if plan.shares and decision.executions:
        lines.append(f"by source: {', '.join(f'{each.name} {each.executions}' for each in plan.shares)}")
    if plan.backlog and plan.backlog.oldest_enqueued_at:
        lines.append(f"the oldest message has waited {times.since(plan.backlog.oldest_enqueued_at)}")
    if plan.per_key:
        lines.append(_of_a_key(plan.per_key))
    if plan.wait:
        lines.append(f"then: {plan.wait.reason}")
    return "\n".join(lines)


def _of_a_key(limits: KeyLimits) -> str:
    """What `perKey` allows, and what that means where one key has it all."""
    rate = f" and {limits.rate:g}/s" if limits.rate is not None else ""
    said = f"of each key at most {limits.concurrency} at once{rate} (perKey)"
    if limits.one_key_seconds is None:
        return said
    return f"{said}; were all of one key, they would take {duration(round(limits.one_key_seconds, 1))} at least"


def _begins(plan: Plan, times: Times, phase: str | None) -> str:
    if plan.blocked_by:
        return f"held back: {plan.blocked_by}\nno cycle begins until that ends; one that began now would have"
    if phase not in (None, "waiting"):
        return "next cycle after the one at work; with the backlog of now it would have"
    return f"next cycle {times.relative(plan.begins_at)} ({times.full(plan.begins_at)})"


def why_page(found: Why, times: Times) -> RenderableType:
    """Why a schedule did, or did not, run at a time: the sentence, what it follows from, and where there is more."""
    name, cycle = found.name, found.cycle
    lists = [literal(""), evidence_table(found.evidence, times)] if found.evidence else []
    where = "logs" if found.code == "silent" else "cycles"  # what the app did not write, its host may have
    more = f"ebb cycle {name} {cycle}" if cycle is not None else f"ebb events {name}, ebb {where} {name}"
    head = literal(f"{name} at {times.full(found.at)}", style=HEADING)
    return Group(head, literal(found.answer), *lists, literal(f"\nmore: {more}", style=QUIET))


def next_of(schedule: Schedule, times: Times) -> str:
    """When the next cycle begins, and why then."""
    why = schedule.next_cycle_reason or ""
    if not schedule.next_cycle_at:
        return why
    when = f"{times.relative(schedule.next_cycle_at)} ({times.full(schedule.next_cycle_at)})"
    return f"{when}: {why}" if why else when


def facts_table(*facts: tuple[str, str | Text | None]) -> RenderableType:
    """Names and values, one below the other; those without a value are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=QUIET, no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, value if isinstance(value, Text) else literal(value))
    return table


def _changed(schedule: Schedule, times: Times) -> str:
    by = f"by {schedule.changed_by}" if schedule.changed_by else ""
    at = times.full(schedule.changed_at) if schedule.changed_at else ""
    return " ".join(filter(None, (at, by)))


def _backlog(schedule: Schedule, times: Times) -> str:
    """The count with its time: it may be from before the latest cycle's work."""
    backlog = schedule.backlog
    if backlog is None:
        return "not counted yet"
    said = f"{counted(backlog.count, 'message')}, counted {times.relative(backlog.measured_at)}"
    oldest = oldest_text(backlog)
    return f"{said}, the oldest after {oldest} of waiting" if oldest else said


def _decided(schedule: Schedule, times: Times) -> str | None:
    """The last decision; where the schedule does not go on, with its cycle and time: it is not about now."""
    if schedule.decision is None:
        return None
    last = schedule.last_cycle or {}
    if schedule.phase is not None or not last.get("startedAt"):
        return schedule.decision.reason
    return f"{schedule.decision.reason} (cycle {last['cycle']}, {times.relative(last['startedAt'])})"


def _parked(schedule: Schedule, times: Times) -> str | None:
    """How many messages wait for their keys away from everybody, and since when."""
    parked = schedule.parked
    if parked is None:
        return None
    since = f", the first for {times.since(parked.since)}" if parked.since else ""
    return f"{counted(parked.messages, 'message')} for their keys (perKey){since}"


def _failing(schedule: Schedule, times: Times) -> str | None:
    """How many cycles in a row failed, and the last error with how often it came."""
    cycles, last = schedule.failed_cycles, schedule.last_error
    if not cycles and not last:
        return None
    said = [f"the last {counted(cycles, 'cycle') if cycles > 1 else 'cycle'}"] if cycles else []
    if last:
        often = f", {last.count} times since {times.clock(last.first_at)}" if last.count > 1 else ""
        said.append(f"last error {times.relative(last.at)}{often}: {last.message}")
    return "; ".join(said)


def _troubles(schedule: Schedule) -> list[RenderableType]:
    """The error, where it does not stand among the facts as the last one already, and the warnings."""
    last = schedule.last_error
    is_told = last is not None and last.message == schedule.error
    error = [f"error: {schedule.error}"] if schedule.error and not is_told else []
    return [literal(said, style=ATTENTION) for said in (*error, *(f"warning: {each}" for each in schedule.warnings))]


def _poison(schedule: Schedule, times: Times) -> str | None:
    poison = schedule.poison
    if poison is None or not poison.count:
        return None
    return f"{counted(poison.count, 'message')}, counted {times.relative(poison.measured_at)}"


def _kinds(cycle: Cycle) -> tuple[ErrorCount, ...]:
    """Errors by kind, where there is more than one: the first error alone hides the others."""
    return cycle.errors if len(cycle.errors) > 1 else ()


def totals_text(totals: Totals) -> str:
    """How many cycles there were, and what became of their messages."""
    counts = {"processed": totals.processed, "failed": totals.failed, "poisoned": totals.poisoned}
    said = (f"{tally(count, totals.at_least)} {name}" for name, count in counts.items())
    return ", ".join([counted(totals.cycles, "cycle"), *said])
