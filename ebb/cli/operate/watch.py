"""`ebb watch`: a live table of the schedules, each with a sparkline of its backlog."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ebb.cli.client import CallError
from ebb.cli.colours import FAULT, QUIET
from ebb.cli.operate.answers import Exit, Form, Output, Url, Utc, calls, console, failed, seconds
from ebb.cli.operate.cells import count_at_work, count_text, oldest_text, poison_text, state_text, troubles
from ebb.cli.operate.columns import Column, Fitted
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import Times, times_of
from ebb.core.document import Json
from ebb.core.schedule import Schedule
from ebb.core.wording import did_you_mean, tally

SHORTEST = 0.2  # seconds between looks
BARS = "▁▂▃▄▅▆▇█"
SPARKLINE_LOOKS = 24  # looks that a sparkline shows
_COLUMNS = (
    Column("schedule", text="name"),
    Column("state"),
    Column("backlog", right=True),
    Column("", 5),
    Column("oldest", 3, right=True),
    Column("executions", 6, right=True),
    Column("processed", 4, right=True),
    Column("next", 1),
    Column("poison", 2, right=True),
    Column("why", 7, text="cut"),
)


def watch(
    names: Annotated[list[str] | None, typer.Argument(metavar="[SCHEDULE]...", help="all without it")] = None,
    interval: Annotated[float, typer.Option(parser=seconds, metavar="TIME", help="between looks, 0.2 s or more")] = 2.0,
    looks: Annotated[int | None, typer.Option("--looks", min=1, help="end after this many looks")] = None,
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
            trouble, documents = None, list[Json]()
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
                schedules = [Schedule.from_document(each) for each in shown]
                remember(seen, schedules)
                _draw(live, watch_page(schedules, seen, client.url, times_of(utc)))
            else:
                _draw(live, literal(f"{trouble}; trying again", style=FAULT))
            remaining = None if remaining is None else remaining - 1
            if remaining != 0:
                time.sleep(max(interval, SHORTEST))


def _draw(live: Live, screen: RenderableType) -> None:
    """Show a look in the place of the one before; a pipe or a file gets one below the other."""
    if live.console.is_terminal:
        live.update(screen, refresh=True)
    else:
        live.console.print(screen)


def remember(seen: dict[str, deque[int]], schedules: Sequence[Schedule]) -> None:
    """Add what each schedule's backlog is now."""
    for each in schedules:
        seen.setdefault(each.name, deque(maxlen=SPARKLINE_LOOKS)).append(each.backlog.count if each.backlog else 0)


def watch_page(
    schedules: Sequence[Schedule], seen: Mapping[str, Sequence[int]], url: str, times: Times
) -> RenderableType:
    """The table, with a line for each trouble below it."""
    now = times.full(times.now.isoformat())
    head = literal(f"{url.removesuffix('/api')}  {now}  (Ctrl-C ends this view only)", style=QUIET)
    rows = (_row(each, seen.get(each.name, ()), times) for each in schedules)
    return Group(head, Fitted(_COLUMNS, rows), *troubles(schedules, times))


def _row(each: Schedule, counts: Sequence[int], times: Times) -> tuple[str | Text, ...]:
    at_work = each.decision if each.phase == "processing" else None
    return (
        each.name,
        state_text(each.state),
        count_text(each.backlog),
        sparkline(counts),
        oldest_text(each.backlog),
        str(count_at_work(each)),
        tally(each.totals.processed, each.totals.at_least),
        times.relative(each.next_cycle_at),
        poison_text(each),
        (at_work.reason if at_work else each.next_cycle_reason) or each.reason or "",
    )


def _require(names: Sequence[str], documents: Sequence[Json]) -> None:
    """Nothing if all of `names` are schedules of the app; otherwise the command ends."""
    known = [str(each["name"]) for each in documents]
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise failed(f"there is no schedule {name!r}{near}; known are {', '.join(known) or 'none'}", Exit.NOT_FOUND)


def sparkline(counts: Sequence[int]) -> str:
    """The counts as bars, the highest one full; 0 is the lowest bar."""
    highest = max(counts, default=0)
    if not highest:
        return BARS[0] * len(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // highest)] for count in counts)
