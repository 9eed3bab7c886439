"""Command `simulate`: what a schedule would do, for hours or weeks, in seconds."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ebb.cli.app_folder import AppFolder
from ebb.cli.operate.answers import Exit, console, failed
from ebb.core.errors import EbbError


class ComparisonOutput(StrEnum):
    """How the comparison is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("simulate")(simulate)


def simulate(
    app: AppFolder = None,
    schedule: Annotated[str | None, typer.Option(help="the schedule of schedules.yaml; none: its only one")] = None,
    arrivals: Annotated[
        list[str] | None,
        typer.Option(
            help="constant:60/h, poisson:60/h, burst:500@6h, daily:5000/day@14:00, uniform:10-60, csv:FILE, "
            "history:FILE, none; SOURCE=... for one of several sources, by its name (KIND:NAME where two are alike); "
            "...#vip, ...#100, ...#100~1.1: one key, 100 keys, 100 of which a few have most messages (perKey)",
            metavar="SPEC",
        ),
    ] = None,
    service_time: Annotated[
        str,
        typer.Option(help="of a handler's call: 2, 30m, uniform:1-3, exponential:2, lognormal:2,0.5", metavar="SPEC"),
    ] = "1",
    failing: Annotated[
        float, typer.Option(help="share of the handler's calls that fail: 0.05 is one in twenty", min=0, max=1)
    ] = 0.0,
    drains: Annotated[
        list[str] | None,
        typer.Option(help="when a schedule of `after` has drained: extract=burst:1@6h", metavar="NAME=SPEC"),
    ] = None,
    length: Annotated[
        str, typer.Option("--for", help="how much schedule: 90, 30m, 12h, 7d, 4w", metavar="TIME")
    ] = "1d",
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="a setting to change: maxExecutions=3", metavar="NAME=VALUE")
    ] = None,
    withs: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="another candidate: 'more: maxExecutions=20, queueLength=4'", metavar="NAME: CHANGES"
        ),
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="a price to change: gb_second=0.000016", metavar="NAME=VALUE")
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", help="when it begins, in the schedule's time zone: 2026-03-28", metavar="DATE"),
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="list the runs: when each began and ended")] = False,
    seed: Annotated[str, typer.Option(help="of what is random; the same seed gives the same run")] = "1",
    output: Annotated[
        ComparisonOutput, typer.Option("--output", "-o", help="table, json or csv")
    ] = ComparisonOutput.TABLE,
    json: Annotated[bool, typer.Option("--json", help="the same as --output json")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="also write a picture: FILE.svg or FILE.png", metavar="FILE")
    ] = None,
) -> None:
    """Run the real orchestrator on a made-up clock, against messages in memory, and compare candidate settings."""
    from ebb.cli.simulate.amounts import seconds_of
    from ebb.cli.simulate.candidates import candidates_of, schedule_settings
    from ebb.cli.simulate.compare import compare
    from ebb.cli.simulate.costs import Prices
    from ebb.cli.simulate.export import csv_of, json_of
    from ebb.cli.simulate.plots import check_plot, write_plot
    from ebb.cli.simulate.progress import progress_bars
    from ebb.cli.simulate.render import Comparison, runs_of
    from ebb.cli.simulate.scenario import Scenario, begin_of

    if json and output not in (ComparisonOutput.TABLE, ComparisonOutput.JSON):
        raise failed(f"--json and --output {output.value} exclude each other: give one of them", Exit.USAGE)
    try:
        seconds = seconds_of(length, "--for")
        prices = Prices().changed(price or [])
        if plot is not None:
            check_plot(plot)
        found = candidates_of(schedule_settings(app or Path(), schedule), sets or [], withs or [])
        given, drained = tuple(arrivals or ["none"]), tuple(drains or ())
        scenarios = [
            Scenario(name, settings, given, service_time, seconds, begin_of(begin, settings), seed, failing, drained)
            for name, settings in found.items()
        ]
        with progress_bars([scenario.name for scenario in scenarios]) as tell:
            results = compare(scenarios, prices, tell)
    except EbbError as error:  # an argument, a file that it names, or the settings
        raise failed(str(error), Exit.USAGE) from error
    if plot is not None:
        try:
            write_plot(results, plot)
        except EbbError as error:
            raise failed(str(error), Exit.FAILED) from error
    form = ComparisonOutput.JSON if json else output
    if form is ComparisonOutput.TABLE:
        screen = console()
        screen.print(Comparison(results))
        if runs:
            screen.print(runs_of(results))
    else:
        typer.echo(
            json_of(results) if form is ComparisonOutput.JSON else csv_of(results), nl=form is ComparisonOutput.JSON
        )
