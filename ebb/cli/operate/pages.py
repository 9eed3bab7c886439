"""One schedule, one cycle, one plan, each as a page: everything that is known, in sentences and lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.cli.operate.plain import plain
from ebb.cli.operate.tables import backlog_of, cycles_table, events_table, executions_table, state_text, troubles
from ebb.cli.operate.times import Times, took
from ebb.core.wording import counted

Document = Mapping[str, Any]


def schedule_page(
    document: Document, cycles: Iterable[Document], events: Iterable[Document], times: Times
) -> RenderableType:
    """All about one schedule: what it is at, what comes next and why, what was, and how it is set."""
    totals = document["totals"]
    state = state_text(document)
    if document["phase"]:
        state.append(f", {document['phase']}, cycle {document['cycle']}")
    facts = facts_table(
        ("state", state),
        ("reason", document["reason"]),
        ("until", times.full(document["until"]) if document["until"] else None),
        ("changed", _changed(document, times)),
        ("instance", f"{document['instanceId']} in task hub {document['taskHub'] or '-'}"),
        ("backlog", _backlog(document, times)),
        ("decided", (document["decision"] or {}).get("reason")),
        ("next", next_of(document, times)),
        ("failing", _failing(document, times)),
        ("poison", _poison(document, times)),
        ("in all", _totals(totals)),
        ("overrides", ", ".join(f"{key}={value}" for key, value in document["overrides"].items())),
    )
    past, happened = list(cycles), list(events)
    lists: list[RenderableType] = []
    if at_work := document.get("executions"):
        lists += [plain("\nat work", style="bold"), executions_table(at_work, times)]
    if past:
        lists += [plain("\nlast cycles", style="bold"), cycles_table(past, times)]
    if happened:
        lists += [plain("\nlast events", style="bold"), events_table(happened, times)]
    return Group(plain(document["name"], style="bold"), facts, *troubles([document]), *lists)


def cycle_page(cycle: Document, times: Times) -> RenderableType:
    """One cycle with its executions."""
    decision, wait = cycle.get("decision") or {}, cycle.get("wait") or {}
    facts = facts_table(
        ("outcome", str(cycle.get("outcome"))),
        ("began", times.full(cycle.get("startedAt"))),
        ("ended", times.full(cycle["endedAt"]) if cycle.get("endedAt") else "not yet"),
        ("took", took(dict(cycle)) if cycle.get("endedAt") else None),
        ("backlog", counted(int(backlog_of(cycle)), "message") if backlog_of(cycle) != "-" else None),
        ("decided", decision.get("reason")),
        ("then", wait.get("reason")),
        ("error", cycle.get("error")),
    )
    executions = cycle["executions"]
    lists = [plain("\nexecutions", style="bold"), executions_table(executions, times)] if executions else []
    return Group(plain(f"cycle {cycle['cycle']}", style="bold"), facts, *lists)


def plan_text(document: Document, times: Times) -> str:
    """The plan in a few lines: what stands against it, how many executions and why, and the wait after them."""
    decision, wait = document.get("decision") or {}, document.get("wait") or {}
    lines = [f"{counted(decision.get('executions', 0), 'execution')}: {decision.get('reason', '')}"]
    if document.get("beginsAt"):
        lines.insert(0, f"next cycle {times.relative(document['beginsAt'])} ({times.full(document['beginsAt'])})")
    if document.get("blockedBy"):
        lines.insert(0, f"held back: {document['blockedBy']}")
    if document.get("shares") and decision.get("executions"):
        shares = ", ".join(f"{each['name']} {each['executions']}" for each in document["shares"])
        lines.append(f"by source: {shares}")
    if wait:
        lines.append(f"then: {wait.get('reason', '')}")
    return "\n".join(lines)


def next_of(document: Document, times: Times) -> str:
    """When the next cycle begins, and why then."""
    if not document["nextCycleAt"]:
        return str(document["nextCycleReason"] or "")
    when = f"{times.relative(document['nextCycleAt'])} ({times.full(document['nextCycleAt'])})"
    return f"{when}: {document['nextCycleReason']}" if document["nextCycleReason"] else when


def facts_table(*facts: tuple[str, str | Text | None]) -> RenderableType:
    """Names and values, one below the other; those without a value are left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, value if isinstance(value, Text) else plain(value))
    return table


def _changed(document: Document, times: Times) -> str:
    by = f"by {document['changedBy']}" if document["changedBy"] else ""
    at = times.full(document["changedAt"]) if document["changedAt"] else ""
    return " ".join(filter(None, (at, by)))


def _backlog(document: Document, times: Times) -> str:
    """The count with its time: it may be from before the latest cycle's work."""
    count = backlog_of(document)
    if count == "-":
        return "not counted yet"
    at = (document["backlog"] or {}).get("measuredAt")
    return counted(int(count), "message") + (f", counted {times.relative(at)}" if at else "")


def _failing(document: Document, times: Times) -> str | None:
    """How many cycles in a row failed, and the last error with how often it came."""
    cycles, last = int(document.get("failedCycles") or 0), document.get("lastError")
    if not cycles and not last:
        return None
    said = [f"{counted(cycles, 'cycle')} in a row"] if cycles else []
    if last:
        often = f", {last['count']} times since {times.clock(last['firstAt'])}" if last["count"] > 1 else ""
        said.append(f"last error {times.relative(last['at'])}{often}: {last['message']}")
    return "; ".join(said)


def _poison(document: Document, times: Times) -> str | None:
    poison = document.get("poison") or {}
    if not poison.get("count"):
        return None
    return f"{counted(poison['count'], 'message')}, counted {times.relative(poison.get('measuredAt'))}"


def _totals(totals: Document) -> str:
    return ", ".join(
        [counted(totals["cycles"], "cycle"), *(f"{totals[key]} {key}" for key in ("processed", "failed", "poisoned"))]
    )
