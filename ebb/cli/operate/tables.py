"""Schedules, cycles, executions, events and poison messages as tables. What comes from outside goes through `plain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.plain import plain
from ebb.cli.operate.times import Times, took
from ebb.core.wording import counted, duration

COLOURS = {"running": "green", "starting": "yellow", "paused": "yellow", "stopping": "yellow", "failed": "red"}
GOOD = frozenset({"succeeded", "idle", "running", "pending"})  # outcomes that need no colour
Document = Mapping[str, Any]

_SCHEDULES = (
    Column("schedule"),
    Column("state"),
    Column("phase", 6),
    Column("cycle", 5, right=True),
    Column("backlog", right=True),
    Column("oldest", 4, right=True),
    Column("executions", 3, right=True),
    Column("next", 2),
    Column("processed", 4, right=True),
    Column("failed", 7, right=True),
    Column("poison", 3, right=True),
    Column("trouble", 1, text="cut"),
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
    Column("took", 1, right=True),
    Column("outcome"),
    Column("processed", right=True),
    Column("failed", 2, right=True),
    Column("poisoned", 2, right=True),
    Column("error", 3, text="fold"),
)
_AT_WORK = (
    Column("execution"),
    Column("for", right=True),
    Column("processed", 2, right=True),
    Column("failed", 1, right=True),
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


def schedules_table(documents: Iterable[Document], times: Times) -> RenderableType:
    """One line a schedule, and below it the warnings and errors in full."""
    found = list(documents)
    return Group(Fitted(_SCHEDULES, (_schedule(each, times) for each in found)), *troubles(found))


def cycles_table(cycles: Sequence[Document], times: Times) -> RenderableType:
    """Cycle documents, one a line."""
    return Fitted(_named(_CYCLES, "began", times), (_cycle(each, times) for each in cycles))


def executions_table(executions: Iterable[Document], times: Times) -> RenderableType:
    """Execution documents of any cycles, one a line."""
    return Fitted(_named(_EXECUTIONS, "began", times), (_execution(each, times) for each in executions))


def at_work_table(executions: Iterable[Document], times: Times) -> RenderableType:
    """Executions at work: for how long, and for how long the oldest message in their hands, so that one that hangs is
    told from one that is long.
    """
    rows = (
        (
            f"{each['cycle']}-{each['index']}",
            times.since(each.get("startedAt")),
            str(each.get("processed") or 0),
            str(each.get("failed") or 0),
            duration(round(float(each["currentMessageAge"]))) if each.get("currentMessageAge") else "",
            f"{times.since(each['notedAt'])} ago" if each.get("notedAt") else "",
            str(each.get("progress") or each.get("error") or ""),
        )
        for each in executions
    )
    return Fitted(_AT_WORK, rows)


def events_table(events: Iterable[Document], times: Times) -> RenderableType:
    """Who did what and when, and what the watchdog met."""
    rows = (
        (
            times.clock(each["at"]),
            str(each["kind"]),
            str(each.get("action", "")),
            str(each.get("by") or "-"),
            str(each.get("reason") or each.get("cause") or _change(each)),
        )
        for each in events
    )
    return Fitted(_named(_EVENTS, "at", times), rows)


def poison_table(page: Document, times: Times) -> RenderableType:
    """The first messages in a poison place."""
    rows = (
        (
            str(each["id"]),
            str(each.get("dequeueCount", "-")),
            times.clock(each.get("deadLetteredAt")),
            str(each["reason"]),
            str(each["body"]),
        )
        for each in page["value"]
    )
    return Group(Fitted(_named(_POISON, "since", times), rows), plain(f"{len(page['value'])} of {page['count']} shown"))


def next_table(document: Document, times: Times) -> RenderableType:
    """The next fire times, one a line, in the schedule's own time zone."""
    rows = (
        (str(each["local"]), times.relative(each["at"]), "; ".join(filter(None, (each["reason"], each.get("note")))))
        for each in document["value"]
    )
    head = [plain(f"held back: {document['blockedBy']}", style="yellow")] if document.get("blockedBy") else []
    return Group(*head, Fitted(_NEXT, rows))


def evidence_table(evidence: Iterable[Document], times: Times) -> RenderableType:
    """What an answer follows from, one piece a line; `-` where it has no time of its own."""
    rows = ((times.clock(each["at"]), str(each["text"])) for each in evidence)
    return Fitted(_named(_EVIDENCE, "at", times), rows)


def troubles(documents: Iterable[Document]) -> list[RenderableType]:
    """Errors and warnings of several schedules, each with its schedule; what several have in common is said once."""
    told: dict[str, list[str]] = {}
    for each in documents:
        for trouble in (*([f"error: {each['error']}"] if each["error"] else []), *each["warnings"]):
            told.setdefault(str(trouble), []).append(str(each["name"]))
    return [plain(f"{', '.join(names)}: {trouble}", style="yellow") for trouble, names in told.items()]


def state_text(document: Document) -> Text:
    """The state in its colour."""
    return plain(str(document["state"]), style=COLOURS.get(document["state"], "dim"))


def outcome_text(outcome: object) -> Text:
    """An outcome; what went wrong in a colour."""
    said = str(outcome or "-")
    return plain(said, style="" if said in GOOD or said == "-" else "red")


def backlog_of(document: Document) -> str:
    """The latest count."""
    backlog = document.get("backlog")
    count = backlog.get("count") if isinstance(backlog, Mapping) else backlog
    return "-" if count is None else str(count)


def _named(columns: Sequence[Column], heading: str, times: Times) -> tuple[Column, ...]:
    """The columns, with the time zone in the heading of the one that holds times."""
    return tuple(
        Column(f"{heading} ({times.name})", each.rank, each.right, each.text) if each.heading == heading else each
        for each in columns
    )


def _schedule(each: Document, times: Times) -> tuple[str | Text, ...]:
    failing = int(each.get("failedCycles") or 0)
    last = (each.get("lastError") or {}).get("message") if failing else None
    error = each["error"] or (f"{counted(failing, 'cycle')} failed in a row: {last}" if failing else None)
    poison = (each.get("poison") or {}).get("count")
    count = len(each["warnings"]) + bool(error)
    trouble = str(error or (each["warnings"] or [""])[0])
    more = f" (and {count - 1} more)" if count > 1 else ""
    return (
        str(each["name"]),
        state_text(each),
        str(each["phase"] or "-"),
        str(each["cycle"]),
        backlog_of(each),
        times.since(oldest) if (oldest := (each["backlog"] or {}).get("oldestEnqueuedAt")) else "",
        str((each["decision"] or {}).get("executions", "-")),
        times.relative(each["nextCycleAt"]),
        str(each["totals"]["processed"]),
        str(each["totals"]["failed"]),
        plain(str(poison), style="red") if poison else "",
        plain(f"{trouble}{more}" if count else "-", style="yellow" if count else ""),
    )


def _cycle(each: Document, times: Times) -> tuple[str | Text, ...]:
    executions = (each.get("decision") or {}).get("executions")
    counts = ["-" if each.get(key) is None else str(each[key]) for key in ("processed", "failed", "poisoned")]
    return (
        str(each.get("cycle")),
        times.clock(each.get("startedAt")),
        took(dict(each)),
        backlog_of(each),
        "-" if executions is None else str(executions),
        *counts,
        outcome_text(each.get("outcome")),
        str(each.get("error") or ""),
    )


def _execution(each: Document, times: Times) -> tuple[str | Text, ...]:
    counts = ["-" if each.get(key) is None else str(each[key]) for key in ("processed", "failed", "poisoned")]
    return (
        str(each.get("cycle", "")),
        str(each.get("index")),
        times.clock(each.get("startedAt")),
        took(dict(each)),
        outcome_text(each.get("outcome") or "running"),
        *counts,
        str(each.get("error") or each.get("progress") or ""),
    )


def _change(event: Document) -> str:
    """What a change of settings changed: `maxExecutions: 10 -> 5`."""
    before, after = event.get("before") or {}, event.get("after") or {}
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(f"{key}: {before.get(key, 'deployed')} -> {after.get(key, 'deployed')}" for key in changed)
