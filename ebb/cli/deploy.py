"""Commands around a deployment: `scale-rules`, `job-template`, `doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from json import dumps as json_text
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ebb.cli.app_folder import AppFolder, NoAppError, app_settings, schedules_of
from ebb.cli.doctor.finding import Finding
from ebb.cli.idle_cost import IdleCost
from ebb.cli.job.access import JobAccess
from ebb.cli.operate.answers import Exit, Form, Output, failed, note
from ebb.cli.running import find_running
from ebb.core.errors import EbbError
from ebb.core.wording import did_you_mean


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
    JSON = "json"


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
    eventhub: Annotated[
        str | None, typer.Option(metavar="NAMESPACE/HUB", help="check this hub's checkpoints alone, for any app")
    ] = None,
    consumer_group: Annotated[
        str | None, typer.Option(help="with --eventhub: who reads; $Default without it", show_default=False)
    ] = None,
    checkpoint_strategy: Annotated[str, typer.Option(help="with --eventhub: KEDA's checkpointStrategy")] = "",
    checkpoint_container: Annotated[str, typer.Option(help="with --eventhub: KEDA's blobContainer")] = "",
    checkpoint_connection: Annotated[
        str, typer.Option(metavar="SETTING", help="with --eventhub: app setting of the storage account")
    ] = "AzureWebJobsStorage",
) -> None:
    """Find what would go wrong: settings, host.json, connections, queues, task hub, hosting. Status 1 on errors."""
    from ebb.cli.doctor.check_event_hub import HubQuestion, examine_event_hub, hub_named
    from ebb.cli.doctor.examine import examine
    from ebb.cli.doctor.subject import Supplied, read_subject
    from ebb.sources.event_hub.checkpoints import DEFAULT_GROUP

    form, folder = Output.JSON if json else output, app or Path()
    try:
        if eventhub is not None:
            hub = hub_named(eventhub, consumer_group or DEFAULT_GROUP)
            question = HubQuestion(hub, checkpoint_strategy, checkpoint_container, checkpoint_connection)
            _print(examine_event_hub(question, app_settings(folder, os.environ)), form)
            return
        text = None if log is None else sys.stdin.read() if str(log) == "-" else log.read_text(encoding="utf-8")
        environment = _settings_here(folder, form is Output.TABLE) if container_app is None else os.environ
        evidence = Supplied(container_app, text, min_replicas, cores, environment)
        subject = read_subject(folder, evidence)
        findings = examine(subject, offline)
    except (EbbError, OSError) as error:
        raise failure(error) from error
    _print(findings, form, subject.idle_cost)


def _print(findings: list[Finding], form: Output, idle: IdleCost | None = None) -> None:
    from ebb.cli.doctor.report import findings_json, print_findings

    if form is Output.JSON:
        typer.echo(findings_json(findings, idle))
    else:
        print_findings(findings, Console(), idle)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _settings_here(app: Path, told: bool) -> Mapping[str, str]:
    """The app settings of this machine; of an app that `up` serves from its folder, the storage that it was given."""
    running = find_running(app.absolute(), os.environ)
    if running is None:
        return os.environ
    if told:
        note(running.described())
    return {**os.environ, "AzureWebJobsStorage": running.storage}


def job_template(
    schedule: Annotated[str, typer.Argument(help="a schedule of schedules.yaml")],
    app: AppFolder = None,
    image: Annotated[str, typer.Option(help="image that does the work and ends")] = "<registry>.azurecr.io/work:1",
    output: Annotated[JobOutput, typer.Option("--output", "-o", help="all, az, bicep or json")] = JobOutput.ALL,
    access: Annotated[JobAccess, typer.Option(help="identity, or secret: a connection string")] = JobAccess.IDENTITY,
) -> None:
    """Print the Container Apps job that would do a schedule's work: az call, Bicep, and what it would not do."""
    from ebb.cli.job.az import az_command
    from ebb.cli.job.bicep import bicep
    from ebb.cli.job.template import job_for

    try:
        schedules = schedules_of(app or Path(), os.environ)
        if schedule not in schedules:
            near = did_you_mean(schedule, schedules)
            raise failed(f"there is no schedule {schedule!r}{near}; known are {', '.join(schedules)}", Exit.NOT_FOUND)
        job = job_for(schedule, schedules[schedule])
    except (EbbError, OSError) as error:
        raise failure(error) from error
    if output == JobOutput.JSON:
        typer.echo(json_text(asdict(job), indent=2))
        return
    if output != JobOutput.BICEP:
        typer.echo(az_command(job, image, access))
    if output == JobOutput.ALL:
        typer.echo("\n# What the job does otherwise than Ebb:\n" + "\n".join(f"# - {text}" for text in job.differences))
        typer.echo("\n// The same in Bicep, every source included:")
    if output != JobOutput.AZ:
        typer.echo(bicep(job, image, access))


def failure(error: Exception) -> typer.Exit:
    """Say what went wrong on standard error; the result ends the command: with status 2 where there is no app."""
    return failed(str(error), Exit.USAGE if isinstance(error, NoAppError) else Exit.FAILED)
