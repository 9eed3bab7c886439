"""Shows one schedule while it works: a live table in a terminal, lines on change anywhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ebb.cli.colours import FAULT, HEADING, QUIET
from ebb.cli.local.terminal import say
from ebb.cli.operate.cells import state_text
from ebb.cli.operate.literal import literal
from ebb.cli.operate.pages import totals_text
from ebb.cli.operate.tables import cycles_table
from ebb.cli.operate.times import Times
from ebb.core.document import Json
from ebb.core.documents import Cycle
from ebb.core.row.schedule_row import Totals
from ebb.core.wording import counted, duration


@dataclass(frozen=True)
class Snapshot:
    """What is known at one moment."""

    url: str
    schedule: Mapping[str, Any]  # the Schedule document
    cycles: Sequence[Mapping[str, Any]] = ()  # Cycle documents, newest first
    put: int = 0  # messages put by this run
    processed: int = 0  # messages handled in this run
    poisoned: int = 0  # messages sent to the poison queue in this run
    rate: float = 0.0  # messages handled per second, of late
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def part(self, name: str) -> Json:
        """An object of the Schedule document; an empty one where it is null."""
        return self.schedule.get(name) or {}

    @property
    def executions(self) -> int:
        """How many executions the current cycle has; 0 while it waits or measures."""
        if self.schedule.get("phase") != "processing":
            return 0
        return int(self.part("decision").get("executions") or 0)

    @property
    def backlog(self) -> str:
        """The latest count, "-" before the first."""
        count = self.part("backlog").get("count")
        return "-" if count is None else str(count)

    @property
    def waiting(self) -> str:
        """The same with its unit."""
        return (
            "1 message"
            if self.backlog == "1"
            else "not counted yet"
            if self.backlog == "-"
            else f"{self.backlog} messages"
        )

    @property
    def progress(self) -> str:
        """What this run has done."""
        poisoned = f", {self.poisoned} poisoned" if self.poisoned else ""
        return f"{self.put} put, {self.processed} processed{poisoned}"

    @property
    def work(self) -> str:
        """What the latest decision was, and why."""
        return str(self.part("decision").get("reason") or "nothing was decided yet")

    @property
    def next(self) -> str:
        """What comes next, when, and why."""
        moment, reason = self.schedule.get("nextCycleAt"), self.schedule.get("nextCycleReason") or ""
        if not moment:
            return str(reason) or "-"
        when = datetime.fromisoformat(moment)
        wait = max((when - self.at).total_seconds(), 0)
        said = f"{Times(now=self.at).clock(moment)}, in {duration(round(wait))}"
        return f"{said}: {reason}" if reason else said

    @property
    def errors(self) -> list[str]:
        """The error of the schedule, if it has one."""
        error = self.schedule.get("error")
        return [f"error: {error}"] if error else []

    @property
    def warnings(self) -> list[str]:
        """The warnings of the schedule."""
        return [str(warning) for warning in self.schedule.get("warnings") or ()]

    @property
    def troubles(self) -> list[str]:
        """The error and the warnings of the schedule."""
        return self.errors + [f"warning: {warning}" for warning in self.warnings]


class View(Protocol):
    """Something that shows snapshots as they come."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, snapshot: Snapshot) -> None:
        """Show the newest state of affairs."""
        ...


class LiveView:
    """A table that is redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        self._live.update(render(snapshot), refresh=True)


class PlainView:
    """One line each time something has changed, for logs and pipes."""

    def __init__(self) -> None:
        self._last = ""
        self._told: set[str] = set()  # warnings: most of them are about settings, and stay

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, snapshot: Snapshot) -> None:
        for warning in snapshot.warnings:
            if (same := re.sub(r"\d+", "#", warning)) not in self._told:  # it may count: "in the last 7 cycles"
                self._told.add(same)
                say(f"warning: {warning}")
        line = describe(snapshot)
        if line != self._last:
            self._last = line
            say(line)


def open_view(console: Console, live: bool) -> View:
    """A live table if that is wanted and the console is a terminal, lines otherwise."""
    return LiveView(console) if live and console.is_terminal else PlainView()


def describe(snapshot: Snapshot) -> str:
    """A snapshot in one line, without clock times, so that equal states give equal lines."""
    schedule = snapshot.schedule
    since = " at the last count" if schedule.get("backlog") and not snapshot.executions else ""
    parts = [
        f"{schedule['name']} {schedule['state']}" + (f", {schedule['phase']}" if schedule.get("phase") else ""),
        f"backlog {snapshot.backlog}{since}",
        snapshot.progress,
    ]
    if snapshot.executions:
        parts.append(f"{counted(snapshot.executions, 'execution')}: {snapshot.work}")
    elif schedule.get("nextCycleReason"):
        parts.append(f"next: {schedule['nextCycleReason']}")
    return "; ".join(parts + snapshot.errors)


def render(snapshot: Snapshot, zone: tzinfo | None = None) -> RenderableType:
    """A snapshot as a block of a few lines and the table of the last cycles.

    Args:
        zone: of the times in that table; None: this machine's.
    """
    schedule, totals = snapshot.schedule, Totals.from_document(snapshot.part("totals"))
    head = Text.assemble(
        (str(schedule["name"]), HEADING),
        "  ",
        state_text(str(schedule["state"])),
        f", {schedule['phase']}" if schedule.get("phase") else "",
        f", cycle {schedule.get('cycle') or 0}",
        (f"   {snapshot.url}", QUIET),
    )
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style=QUIET)
    facts.add_column(overflow="fold")
    limit = snapshot.part("settings").get("maxExecutions", "?")
    noun = "execution" if limit == 1 else "executions"
    facts.add_row("backlog", literal(f"{snapshot.waiting}; {snapshot.executions} of up to {limit} {noun} at work"))
    facts.add_row("this run", literal(f"{snapshot.progress}; {snapshot.rate:.0f} per second"))
    facts.add_row("in all", literal(totals_text(totals)))
    facts.add_row("decided", literal(snapshot.work))
    facts.add_row("next", literal(snapshot.next))
    troubles = [literal(trouble, style=FAULT) for trouble in snapshot.troubles]
    return Group(
        head,
        facts,
        *troubles,
        Text(),
        cycles_table(map(Cycle.from_document, snapshot.cycles), Times(zone, snapshot.at)),
    )
