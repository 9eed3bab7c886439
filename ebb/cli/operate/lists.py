"""Commands that tell what was and what comes: `executions`, `next`, `why`."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, Utc, calls, failed, note, show
from ebb.cli.operate.pages import why_page
from ebb.cli.operate.tables import executions_table, next_table
from ebb.cli.operate.times import Asked, past_moment, times_of
from ebb.core.documents import ListedExecution


class ListOutput(StrEnum):
    """How executions are printed."""

    TABLE = "table"
    JSON = "json"
    AZ = "az"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("executions")(executions)
    app.command("next")(next_times)
    app.command("why")(why)


def executions(
    name: Name,
    top: Annotated[int, typer.Option("--top", min=1, help="how many, newest first")] = 20,
    status: Annotated[str | None, typer.Option(help="only those: running, succeeded, failed, timedOut, ...")] = None,
    url: Url = None,
    output: Annotated[
        ListOutput,
        typer.Option("--output", "-o", help="table, json, or az: as az containerapp job execution list prints them"),
    ] = ListOutput.TABLE,
    utc: Utc = False,
) -> None:
    """List the executions of all cycles, newest first; those at work too."""
    form = Output.TABLE if output is ListOutput.TABLE else Output.JSON
    with calls(url, form) as client:
        az = "true" if output is ListOutput.AZ else None
        found = list(client.pages(client.path(name, "executions"), top, status=status, az=az))
    if output is ListOutput.AZ:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(form, found, executions_table(map(ListedExecution.from_document, found), times_of(utc)))


def next_times(
    name: Name,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="how many times")] = 10,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Say when a schedule fires next, and why then: ticks, windows, changes of the clocks."""
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "next"), query={"count": count})
    show(output, document, next_table(document, times_of(False)))


def why(
    name: Name,
    at: Annotated[
        str | None, typer.Option("--at", help="10:00, '2026-01-31 10:00', or how long ago, such as 30m; now without it")
    ] = None,
    url: Url = None,
    output: Form = Output.TABLE,
    utc: Utc = False,
) -> None:
    """Say why a schedule did, or did not, run at a time, and from what that follows."""
    times = times_of(utc)
    try:
        asked = past_moment(at, times) if at else Asked(times.now.astimezone(times.zone).isoformat())
    except ValueError as error:
        raise failed(f"--at {error}", Exit.USAGE) from error
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "why"), query={"at": asked.at})
    if asked.note and output is Output.TABLE:
        note(asked.note)
    show(output, document, why_page(document, times))
