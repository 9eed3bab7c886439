"""The command `logs`: what the app that runs here wrote, a handler's own lines among it."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ebb.cli.colours import HEADING, LEVELS, QUIET, USUAL
from ebb.cli.local.kept_log import files
from ebb.cli.log_records import Record, RecordFilter, RecordReader
from ebb.cli.operate.answers import Exit, Form, Output, Utc, console, failed, note
from ebb.cli.operate.literal import literal
from ebb.cli.operate.times import Times, times_of
from ebb.cli.running import STATE_VARIABLE, find_running, looked_at
from ebb.core.wording import did_you_mean

LOOK = 0.2  # seconds between looks at a log that is followed
STILL = 3  # looks without a new line after which the last record counts as complete
LOGS = ("devhost.log", "realhost.log", "func.log")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("logs")(logs)


def logs(
    name: Annotated[str | None, typer.Argument(metavar="[SCHEDULE]", help="only lines of this schedule")] = None,
    cycle: Annotated[int | None, typer.Option(min=0, help="only lines of this cycle")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on with what comes, until Ctrl-C")] = False,
    top: Annotated[int, typer.Option("--top", min=1, help="how many of the latest records")] = 200,
    output: Form = Output.TABLE,
    utc: Utc = False,
) -> None:
    """Show the log of the app that `up` serves, with time, schedule, cycle and execution; earlier runs too.

    An app on Azure logs to Application Insights: infra/queries/trail.kql.
    """
    path = _log_file()
    if output is Output.TABLE:
        note(f"log {path}")
    wanted, times = RecordFilter(name, cycle), times_of(utc)
    reader = RecordReader()
    latest: deque[Record] = deque(maxlen=top)
    schedules: set[str] = set()
    for record in chain(*(reader.read(_lines(each)) for each in files(path)), reader.rest()):
        schedules.update([record.schedule] if record.schedule else ())
        latest.extend([record] if wanted.has(record) else ())
    if name is not None and name not in schedules and not follow:
        known = f"{did_you_mean(name, schedules)}; schedules in it are {', '.join(sorted(schedules)) or 'none'}"
        raise failed(f"{path} has no line of a schedule {name!r}{known}", Exit.NOT_FOUND)
    for record in latest:
        _print(record, output, times)
    try:
        for record in _coming(path) if follow else ():
            if wanted.has(record):
                _print(record, output, times)
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error


def _log_file() -> Path:
    """The log of the app that runs here, or of the one that ran here last."""
    running = find_running(Path.cwd(), os.environ)
    if running is not None:
        return Path(running.log)
    places = looked_at(Path.cwd(), os.environ)
    there = [folder / log for folder in places for log in LOGS if (folder / log).exists()]
    found = max(there, key=lambda path: path.stat().st_mtime, default=None)
    if found is None:
        where = ", ".join(map(str, places))
        way_out = f"start one with `up`, or name its state folder in {STATE_VARIABLE}"
        raise failed(f"no log of an app is here (looked in {where}): {way_out}", Exit.USAGE)
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            yield line.rstrip("\n")


def _coming(path: Path) -> Iterator[Record]:
    """The records written from now on, across the change to a new file."""
    reader, still = RecordReader(), 0
    file = path.open(encoding="utf-8", errors="replace")
    file.seek(0, os.SEEK_END)
    try:
        while True:
            lines = file.readlines()
            yield from reader.read(line.rstrip("\n") for line in lines)
            still = 0 if lines else still + 1
            if still == STILL:
                yield from reader.rest()
            if not lines:
                if path.exists() and path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                    file.close()
                    file = path.open(encoding="utf-8", errors="replace")
                time.sleep(LOOK)
    finally:
        file.close()


def _print(record: Record, output: Output, times: Times) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(record.to_document(), ensure_ascii=False))
        return
    where = record.schedule or record.logger
    where += f" {record.cycle}" if record.cycle is not None else ""
    where += f"/{record.execution}" if record.execution is not None else ""
    level = "" if record.level == "INFO" else f"{record.level.lower()}: "
    line = Text.assemble(
        (f"{times.clock(record.at.isoformat())}  ", QUIET),
        (f"{where}  ", HEADING if record.schedule else QUIET),
        literal(f"{level}{record.text}", style=LEVELS.get(record.level, USUAL)),
    )
    console().print(line, soft_wrap=True)
