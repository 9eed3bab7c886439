"""Commands around a deployment: `scale-rules`, `job-template`, `doctor`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ebb.scale_rules.app import read_app
from ebb.scale_rules.derive import derive
from ebb.scale_rules.report import print_report
from scheduler.errors import EbbError

FAILED = 1

AppFolder = Annotated[Path, typer.Option("--app", help="folder of the function app", metavar="DIR")]


class Output(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("scale-rules")(scale_rules)


def scale_rules(
    app: AppFolder = Path(),
    output: Annotated[Output, typer.Option("--output", "-o", help="table, yaml or json")] = Output.TABLE,
    json: Annotated[bool, typer.Option("--json", help="the same as --output json")] = False,
    cores: Annotated[float, typer.Option(help="cores of one replica: some defaults count them")] = 1.0,
) -> None:
    """Print the KEDA scale rules that Functions on Container Apps derives from an app's triggers and host.json."""
    try:
        report = derive(read_app(app), cores)
    except EbbError as error:
        raise failure(error) from error
    print_report(report, Output.JSON if json else output, Console())


def failure(error: Exception) -> typer.Exit:
    """Say what went wrong on standard error; the result ends the command with status 1."""
    Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(FAILED)
