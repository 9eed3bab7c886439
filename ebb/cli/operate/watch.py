"""`ebb watch`: a live table of the schedules, each with a sparkline of its backlog."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from ebb.cli.client import CallError
from ebb.cli.operate.answers import Form, Output, Url, calls, console
from ebb.cli.operate.plain import plain
from ebb.cli.operate.tables import backlog_of, relative, state_text

BARS = "▁▂▃▄▅▆▇█"
KEPT = 40  # looks that a sparkline shows


def watch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SCHEDULE]...", help="all without it")] = None,
    interval: Annotated[float, typer.Option(min=0.2, help="seconds between looks")] = 2.0,
    looks: Annotated[int | None, typer.Option("--looks", min=1, help="end after so many looks")] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Watch the schedules until Ctrl-C; with --output json, one line of JSON a look."""
    seen: dict[str, deque[int]] = {}
    screen = console()
    with calls(url) as client, Live(console=screen, auto_refresh=False, transient=False) as live:
        remaining, answered = looks, False
        while remaining is None or remaining > 0:
            trouble, documents = None, list[dict[str, Any]]()
            try:
                documents = client.call("GET", "schedules")["value"]
                answered = True
            except CallError as error:
                if not answered:
                    raise
                trouble = str(error)
            shown = [each for each in documents if not names or each["name"] in names]
            if output is Output.JSON:
                live.console.out(json.dumps(shown, ensure_ascii=False), highlight=False)
            elif trouble is None:
                note(seen, shown)
                live.update(render(shown, seen, client.url, datetime.now(UTC)), refresh=True)
            else:
                live.update(plain(f"{trouble}; trying again", style="red"), refresh=True)
            remaining = None if remaining is None else remaining - 1
            if remaining != 0:
                time.sleep(interval)


def note(seen: dict[str, deque[int]], documents: Sequence[Mapping[str, Any]]) -> None:
    """Add what each schedule's backlog is now."""
    for each in documents:
        count = (each["backlog"] or {}).get("count") or 0
        seen.setdefault(each["name"], deque(maxlen=KEPT)).append(int(count))


def render(
    documents: Sequence[Mapping[str, Any]], seen: Mapping[str, Sequence[int]], url: str, now: datetime
) -> RenderableType:
    """The table."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("schedule", "state", "backlog", "", "executions", "processed", "next", "why"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for each in documents:
        busy = each["phase"] == "processing"
        decision = each["decision"] or {}
        table.add_row(
            plain(each["name"]),
            state_text(each),
            backlog_of(each),
            sparkline(seen.get(each["name"], ())),
            str(decision.get("executions", 0) if busy else 0),
            str(each["totals"]["processed"]),
            relative(each["nextCycleAt"], now),
            plain(str((decision.get("reason") if busy else each["nextCycleReason"]) or each["reason"] or "")),
        )
    troubles = [
        plain(f"{each['name']}: {trouble}", style="yellow")
        for each in documents
        for trouble in (*([each["error"]] if each["error"] else []), *each["warnings"])
    ]
    head = plain(f"{url}  {now.astimezone():%H:%M:%S}, Ctrl-C ends this view and nothing else", style="dim")
    return Group(head, table, *troubles)


def sparkline(counts: Sequence[int]) -> str:
    """The counts as bars, the highest one full; 0 is the lowest bar."""
    highest = max(counts, default=0)
    if not highest:
        return BARS[0] * len(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in counts)
