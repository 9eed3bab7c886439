"""Commands that look at schedules: what each does and why, what it did, and what it would do now."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from ebb.cli.operate import intents
from ebb.cli.operate.answers import Form, Name, Output, Url, Utc, calls, show, show_text
from ebb.cli.operate.pages import cycle_page, plan_text, schedule_page
from ebb.cli.operate.tables import cycles_table, events_table, schedules_table
from ebb.cli.operate.times import times_of
from ebb.cli.operate.watch import watch
from ebb.core.documents import Cycle, Event
from ebb.core.plan import Plan
from ebb.core.schedule import Schedule

PAST = 5  # cycles and events on a schedule's page

Top = Annotated[int, typer.Option("--top", min=1, help="how many, newest first")]


class EventKind(StrEnum):
    """What an event tells of."""

    AUDIT = "audit"
    INCIDENT = "incident"


class HistoryPart(StrEnum):
    """What of a history is exported."""

    CYCLES = "cycles"
    EVENTS = "events"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`, with those of `intents` and `watch`, in the order of the help."""
    for name, command in (
        ("list", list_schedules),
        ("show", show_schedule),
        ("start", intents.start),
        ("stop", intents.stop),
        ("pause", intents.pause),
        ("resume", intents.resume),
        ("repair", intents.repair),
        ("trigger", intents.trigger),
        ("cancel", intents.cancel),
        ("set", intents.set_settings),
        ("reset", intents.reset),
        ("plan", plan),
        ("cycles", cycles),
        ("cycle", cycle),
        ("events", events),
        ("export", export),
        ("watch", watch),
    ):
        app.command(name)(command)


def list_schedules(url: Url = None, output: Form = Output.TABLE, utc: Utc = False) -> None:
    """List the schedules."""
    with calls(url, output) as client:
        documents = client.call("GET", "schedules")["value"]
    show(output, documents, schedules_table(map(Schedule.from_document, documents), times_of(utc)))


def show_schedule(name: Name, url: Url = None, output: Form = Output.TABLE, utc: Utc = False) -> None:
    """Show a schedule: what it is at, what comes next and why, its last cycles and events."""
    with calls(url, output) as client:
        document = client.schedule(name)
        past = list(client.pages(client.path(name, "cycles"), PAST))
        happened = list(client.pages(client.path(name, "events"), PAST))
    page = schedule_page(
        Schedule.from_document(document),
        map(Cycle.from_document, past),
        map(Event.from_document, happened),
        times_of(utc),
    )
    show(output, {**document, "cycles": past, "events": happened}, page)


def plan(name: Name, url: Url = None, output: Form = Output.TABLE, utc: Utc = False) -> None:
    """Say what the next cycle would do now, and why; changes nothing."""
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "plan"))
        schedule = Schedule.from_document(client.schedule(name))
    show_text(output, document, plan_text(Plan.from_document(document), times_of(utc), schedule.phase))


def cycles(name: Name, top: Top = 20, url: Url = None, output: Form = Output.TABLE, utc: Utc = False) -> None:
    """List the cycles that did something or failed, newest first."""
    with calls(url, output) as client:
        found = list(client.pages(client.path(name, "cycles"), top))
    show(output, found, cycles_table(map(Cycle.from_document, found), times_of(utc)))


def cycle(
    name: Name,
    number: Annotated[int, typer.Argument(min=0)],
    url: Url = None,
    output: Form = Output.TABLE,
    utc: Utc = False,
) -> None:
    """Show one cycle with its executions; the one at work too."""
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "cycles", str(number)))
    show(output, document, cycle_page(Cycle.from_document(document), times_of(utc)))


def events(
    name: Name,
    kind: Annotated[EventKind | None, typer.Option(help="of one kind only")] = None,
    top: Top = 20,
    url: Url = None,
    output: Form = Output.TABLE,
    utc: Utc = False,
) -> None:
    """List who changed what and when, and what the watchdog met, newest first."""
    with calls(url, output) as client:
        found = list(client.pages(client.path(name, "events"), top, kind=kind.value if kind else None))
    show(output, found, events_table(map(Event.from_document, found), times_of(utc)))


def export(
    name: Name,
    what: Annotated[HistoryPart, typer.Option(help="which part of it")] = HistoryPart.CYCLES,
    top: Annotated[int | None, typer.Option("--top", min=1, help="how many, newest first; all without it")] = None,
    url: Url = None,
) -> None:
    """Write the history to standard output as JSON lines, newest first."""
    with calls(url, Output.JSON) as client:
        for document in client.pages(client.path(name, what.value), top):
            typer.echo(json.dumps(document, ensure_ascii=False))
