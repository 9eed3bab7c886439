"""`ebb watch`: a live table of the schedules, each with a sparkline of its backlog."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ebb.cli.client import CallError
from ebb.cli.operate.answers import Exit, Form, Output, Url, Utc, calls, console, failed, seconds
from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.plain import plain
from ebb.cli.operate.tables import backlog_of, state_text, troubles
from ebb.cli.operate.times import Times, times_of
from ebb.core.wording import did_you_mean

SHORTEST = 0.2  # seconds between looks
BARS = "▁▂▃▄▅▆▇█"
KEPT = 24  # looks that a sparkline shows
_COLUMNS = (
    Column("schedule"),
    Column("state"),
    Column("backlog", right=True),
    Column("", 3),
    Column("executions", 4, right=True),
    Column("processed", 1, right=True),
    Column("next", 2),
    Column("why", 5, text="cut"),
)


def watch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SCHEDULE]...", help="all without it")] = None,
    interval: Annotated[float, typer.Option(parser=seconds, metavar="TIME", help="between looks, 0.2 s or more")] = 2.0,
    looks: Annotated[int | None, typer.Option("--looks", min=1, help="end after so many looks")] = None,
    url: Url = None,
    output: Form = Output.TABLE,
    utc: Utc = False,
) -> None:
    """Watch the schedules until Ctrl-C; with --output json, one line of JSON a look."""
    seen: dict[str, deque[int]] = {}
    screen = console()
    with calls(url, output) as client, Live(console=screen, auto_refresh=False, transient=False) as live:
        remaining, answered = looks, False
        while remaining is None or remaining > 0:
            trouble, documents = None, list[dict[str, Any]]()
            try:
                documents = client.call("GET", "schedules")["value"]
                if not answered:
                    _require(names or (), documents)
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
                live.update(render(shown, seen, client.url, times_of(utc)), refresh=True)
            else:
                live.update(plain(f"{trouble}; trying again", style="red"), refresh=True)
            remaining = None if remaining is None else remaining - 1
            if remaining != 0:
                time.sleep(max(interval, SHORTEST))


def note(seen: dict[str, deque[int]], documents: Sequence[Mapping[str, Any]]) -> None:
    """Add what each schedule's backlog is now."""
    for each in documents:
        count = (each["backlog"] or {}).get("count") or 0
        seen.setdefault(each["name"], deque(maxlen=KEPT)).append(int(count))


def render(
    documents: Sequence[Mapping[str, Any]], seen: Mapping[str, Sequence[int]], url: str, times: Times
) -> RenderableType:
    """The table, with a line for each trouble below it."""
    now = times.full(times.now.isoformat())
    head = plain(f"{url.removesuffix('/api')}  {now}  (Ctrl-C ends this view only)", style="dim")
    rows = (_row(each, seen.get(each["name"], ()), times) for each in documents)
    return Group(head, Fitted(_COLUMNS, rows), *troubles(documents))


def _row(each: Mapping[str, Any], counts: Sequence[int], times: Times) -> tuple[str | Text, ...]:
    busy, decision = each["phase"] == "processing", each["decision"] or {}
    return (
        str(each["name"]),
        state_text(each),
        backlog_of(each),
        sparkline(counts),
        str(decision.get("executions", 0) if busy else 0),
        str(each["totals"]["processed"]),
        times.relative(each["nextCycleAt"]),
        str((decision.get("reason") if busy else each["nextCycleReason"]) or each["reason"] or ""),
    )


def _require(names: Sequence[str], documents: Sequence[Mapping[str, Any]]) -> None:
    """Nothing if all of `names` are schedules of the app; otherwise the command ends."""
    known = [str(each["name"]) for each in documents]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise failed(f"there is no schedule {name}{near}; known are {', '.join(known) or 'none'}", Exit.NOT_FOUND)


def sparkline(counts: Sequence[int]) -> str:
    """The counts as bars, the highest one full; 0 is the lowest bar."""
    highest = max(counts, default=0)
    if not highest:
        return BARS[0] * len(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in counts)
