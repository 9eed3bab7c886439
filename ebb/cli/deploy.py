"""Commands around a deployment: `scale-rules`, `job-template`, `doctor`."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ebb.cli.app_folder import AppFolder, schedules_of
from ebb.cli.job_access import Access
from ebb.cli.operate.answers import Exit, Form, Output, failed
from ebb.core.errors import EbbError


class RuleOutput(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    YAML = "yaml"
    JSON = "json"


class JobOutput(StrEnum):
    """What of a job is printed."""

    ALL = "all"
    AZ = "az"
    BICEP = "bicep"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("scale-rules")(scale_rules)
    app.command("doctor")(doctor)
    app.command("job-template")(job_template)


def scale_rules(
    app: AppFolder = None,
    output: Annotated[RuleOutput, typer.Option("--output", "-o", help="table, yaml or json")] = RuleOutput.TABLE,
    json: Annotated[bool, typer.Option("--json", help="the same as --output json")] = False,
    cores: Annotated[float, typer.Option(help="cores of one replica: some defaults count them")] = 1.0,
    source: Annotated[bool, typer.Option("--source", help="read the source; run nothing of the app")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="print the mapping itself, every row of it")] = False,
) -> None:
    """Print the KEDA scale rules that Functions on Container Apps derives from an app's triggers and host.json.

    The app is imported in a child process, so that the SDK lists its functions; where that fails, its source is read.
    """
    from ebb.cli.scale_rules.app import read_app
    from ebb.cli.scale_rules.derive import derive
    from ebb.cli.scale_rules.explain import explanation
    from ebb.cli.scale_rules.report import print_report

    if explain:
        typer.echo(explanation())
        return
    try:
        report = derive(read_app(app or Path(), run=not source), cores)
    except EbbError as error:
        raise failure(error) from error
    print_report(report, RuleOutput.JSON if json else output, Console())


def doctor(
    app: AppFolder = None,
    output: Form = Output.TABLE,
    json: Annotated[bool, typer.Option("--json", help="the same as --output json")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="ask no server")] = False,
    container_app: Annotated[
        Path | None, typer.Option(metavar="FILE", help="what `az containerapp show --output json` printed")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the platform's system log; - reads standard input")
    ] = None,
    min_replicas: Annotated[int | None, typer.Option(min=0, help="replicas kept at all times")] = None,
    cores: Annotated[float, typer.Option(help="cores of one replica")] = 1.0,
) -> None:
    """Find what would go wrong: settings, host.json, connections, queues, task hub, hosting. Status 1 on errors."""
    from ebb.cli.doctor.examine import examine
    from ebb.cli.doctor.report import as_json, print_findings
    from ebb.cli.doctor.subject import Evidence, read_subject

    try:
        text = None if log is None else sys.stdin.read() if str(log) == "-" else log.read_text(encoding="utf-8")
        evidence = Evidence(container_app, text, min_replicas, cores, os.environ)
        subject = read_subject(app or Path(), evidence)
        findings = examine(subject, offline)
    except (EbbError, OSError) as error:
        raise failure(error) from error
    if json or output == Output.JSON:
        typer.echo(as_json(findings, subject.idle_cost))
    else:
        print_findings(findings, Console(), subject.idle_cost)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(Exit.FAILED)


def job_template(
    schedule: Annotated[str, typer.Argument(help="a schedule of schedules.yaml")],
    app: AppFolder = None,
    image: Annotated[str, typer.Option(help="image that does the work and ends")] = "<registry>.azurecr.io/work:1",
    output: Annotated[JobOutput, typer.Option("--output", "-o", help="all, az or bicep")] = JobOutput.ALL,
    access: Annotated[Access, typer.Option(help="identity, or secret: a connection string")] = Access.IDENTITY,
) -> None:
    """Print the Container Apps job that would do a schedule's work: az call, Bicep, and what it would not do."""
    from ebb.cli.job_render import az_command, bicep
    from ebb.cli.job_template import job_for

    try:
        schedules = schedules_of(app or Path(), os.environ)
        if schedule not in schedules:
            raise failed(f"there is no schedule {schedule}; known are {', '.join(schedules)}", Exit.NOT_FOUND)
        job = job_for(schedule, schedules[schedule])
    except (EbbError, OSError) as error:
        raise failure(error) from error
    if output != JobOutput.BICEP:
        typer.echo(az_command(job, image, access))
    if output == JobOutput.ALL:
        typer.echo("\n# What the job does otherwise than Ebb:\n" + "\n".join(f"# - {text}" for text in job.differences))
        typer.echo("\n// The same in Bicep, every source included:")
    if output != JobOutput.AZ:
        typer.echo(bicep(job, image, access))


def failure(error: Exception) -> typer.Exit:
    """Say what went wrong on standard error; the result ends the command with status 1."""
    return failed(str(error), Exit.FAILED)
