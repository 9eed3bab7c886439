"""Schedules, cycles, events and poison messages as tables. What comes from outside goes through `plain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ebb.cli.operate.plain import plain, printable
from ebb.core.wording import counted

COLOURS = {"running": "green", "starting": "yellow", "paused": "yellow", "stopping": "yellow", "failed": "red"}
Document = Mapping[str, Any]


def schedules_table(documents: Iterable[Document], now: datetime | None = None) -> Table:
    """One line a schedule."""
    table = _table("schedule", "state", "phase", "cycle", "backlog", "decided", "next", "processed", "warnings")
    for each in documents:
        troubles = len(each["warnings"]) + bool(each["error"])
        table.add_row(
            plain(each["name"]),
            state_text(each),
            each["phase"] or "-",
            str(each["cycle"]),
            backlog_of(each),
            str((each["decision"] or {}).get("executions", "-")),
            relative(each["nextCycleAt"], now),
            str(each["totals"]["processed"]),
            plain(str(troubles), style="red") if troubles else "-",
        )
    return table


def schedule_page(document: Document, cycles: Iterable[Document], events: Iterable[Document]) -> RenderableType:
    """All about one schedule: what it is at, what comes next and why, what was, and how it is set."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    totals = document["totals"]
    for name, value in (
        ("state", state_text(document)),
        ("reason", document["reason"]),
        ("until", document["until"]),
        ("changed", " by ".join(filter(None, (document["changedAt"], document["changedBy"])))),
        ("instance", f"{document['instanceId']} in task hub {document['taskHub'] or '-'}"),
        ("backlog", backlog_of(document)),
        ("decided", (document["decision"] or {}).get("reason")),
        ("next", next_of(document)),
        ("in all", ", ".join(f"{totals[key]} {key}" for key in ("cycles", "processed", "failed", "poisoned"))),
        ("overrides", ", ".join(f"{key}={value}" for key, value in document["overrides"].items())),
    ):
        if value:
            facts.add_row(name, value if isinstance(value, Text) else plain(value))
    troubles = [plain(f"error: {document['error']}", style="red")] if document["error"] else []
    troubles += [plain(f"warning: {warning}", style="yellow") for warning in document["warnings"]]
    head = plain(document["name"], style="bold")
    return Group(head, facts, *troubles, plain("\nlast cycles"), cycles_table(cycles), *_events(events))


def cycle_page(cycle: Document) -> RenderableType:
    """One cycle with its executions."""
    decision = cycle.get("decision") or {}
    lines = [plain(f"cycle {cycle['cycle']}: {cycle.get('outcome')}"), plain(f"decided: {decision.get('reason')}")]
    if cycle.get("error"):
        lines.append(plain(f"error: {cycle['error']}", style="red"))
    table = _table("execution", "began", "took", "outcome", "processed", "failed", "poisoned", "error")
    for each in cycle["executions"]:
        counts = [str(each.get(key, "-")) for key in ("processed", "failed", "poisoned")]
        cells = [str(each.get("index")), str(each.get("startedAt") or "-"), took(each), str(each.get("outcome"))]
        table.add_row(*cells, *counts, plain(str(each.get("error") or "")))
    return Group(*lines, table)


def cycles_table(cycles: Iterable[Document]) -> Table:
    """Cycle documents, one a line."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    table.add_column("cycle", justify="right")
    table.add_column("began")
    for heading in ("took", "backlog", "executions", "processed", "failed", "poisoned"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    for cycle in cycles:
        decision = cycle.get("decision") or {}
        numbers = [cycle.get("backlog"), decision.get("executions")]
        numbers += [cycle.get(key) for key in ("processed", "failed", "poisoned")]
        outcome = Text(
            printable(str(cycle.get("error") or cycle.get("outcome") or "")), overflow="ellipsis", no_wrap=True
        )
        cells = ["-" if number is None else str(_count(number)) for number in numbers]
        table.add_row(str(cycle.get("cycle")), clock_time(cycle.get("startedAt")), took(cycle), *cells, outcome)
    return table


def _count(number: object) -> object:
    return number.get("count") if isinstance(number, Mapping) else number


def events_table(events: Iterable[Document]) -> Table:
    """Who did what and when, and what the watchdog met."""
    table = _table("at", "kind", "what", "by", "why")
    for each in events:
        why = each.get("reason") or each.get("cause") or _change(each)
        what = str(each.get("action", ""))
        table.add_row(
            plain(each["at"]), plain(each["kind"]), plain(what), plain(str(each.get("by") or "-")), plain(str(why))
        )
    return table


def poison_table(page: Document) -> RenderableType:
    """The first messages in a poison place."""
    table = _table("id", "tries", "since", "reason", "body")
    for each in page["value"]:
        body = each["body"] if len(each["body"]) <= 60 else each["body"][:57] + "..."
        since = str(each.get("deadLetteredAt") or "-")
        table.add_row(
            plain(each["id"]), str(each.get("dequeueCount", "-")), plain(since), plain(str(each["reason"])), plain(body)
        )
    return Group(table, plain(f"{len(page['value'])} of {page['count']} shown"))


def plan_text(document: Document) -> str:
    """The plan in a few lines: what stands against it, how many executions and why, and the wait after them."""
    decision, wait = document.get("decision") or {}, document.get("wait") or {}
    lines = [f"{counted(decision.get('executions', 0), 'execution')}: {decision.get('reason', '')}"]
    if document.get("beginsAt"):
        lines.insert(0, f"next cycle {relative(document['beginsAt'])} ({document['beginsAt']})")
    if document.get("blockedBy"):
        lines.insert(0, f"held back: {document['blockedBy']}")
    if wait:
        lines.append(f"then: {wait.get('reason', '')}")
    return "\n".join(lines)


def state_text(document: Document) -> Text:
    """The state in its colour."""
    return plain(str(document["state"]), style=COLOURS.get(document["state"], "dim"))


def backlog_of(document: Document) -> str:
    """The latest count."""
    count = (document["backlog"] or {}).get("count")
    return "-" if count is None else str(count)


def next_of(document: Document) -> str:
    """When the next cycle begins, and why then."""
    if not document["nextCycleAt"]:
        return str(document["nextCycleReason"] or "")
    return f"{relative(document['nextCycleAt'])} ({document['nextCycleAt']}): {document['nextCycleReason']}"


def relative(moment: str | None, now: datetime | None = None) -> str:
    """A time as a person would say it from here: `in 12 s`, `3 min ago`."""
    if not moment:
        return "-"
    seconds = (datetime.fromisoformat(moment) - (now or datetime.now(UTC))).total_seconds()
    size = abs(seconds)
    if size < 1:
        return "now"
    text = f"{size:.0f} s" if size < 120 else f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.1f} h"
    return f"in {text}" if seconds >= 0 else f"{text} ago"


def clock_time(moment: str | None) -> str:
    """A time of day on this machine's clock."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S") if moment else "-"


def took(document: Document) -> str:
    """How long something with a start and an end took."""
    if not document.get("startedAt") or not document.get("endedAt"):
        return "-"
    began, ended = (datetime.fromisoformat(document[key]) for key in ("startedAt", "endedAt"))
    return f"{(ended - began).total_seconds():.1f} s"


def _change(event: Document) -> str:
    """What a change of settings changed: `maxExecutions: 10 -> 5`."""
    before, after = event.get("before") or {}, event.get("after") or {}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(f"{key}: {before.get(key, 'deployed')} -> {after.get(key, 'deployed')}" for key in changed)


def _events(events: Iterable[Document]) -> list[RenderableType]:
    found = list(events)
    return [plain("\nlast events"), events_table(found)] if found else []


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
