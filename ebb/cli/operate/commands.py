"""Commands for operators: what a schedule does and why, and what it should do. They speak to the app's HTTP API."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, Url, Utc, calls, failed, say, seconds, show, warn
from ebb.cli.operate.pages import cycle_page, next_of, plan_text, schedule_page
from ebb.cli.operate.tables import cycles_table, events_table, schedules_table
from ebb.cli.operate.times import moment_of, times_of
from ebb.cli.operate.watch import watch
from ebb.core.document import Json
from ebb.core.documents import Cycle, Event
from ebb.core.errors import SettingsError
from ebb.core.plan import Plan
from ebb.core.schedule import Schedule
from ebb.core.wording import duration

POLL_SECONDS = 0.3
PAST = 5  # cycles and events on a schedule's page

Reason = Annotated[str, typer.Option("--reason", "-r", help="why; it stands in the status and in the audit trail")]
SomeReason = Annotated[str | None, typer.Option("--reason", "-r", help="why; the audit trail keeps it")]
Wait = Annotated[bool, typer.Option("--wait", help="return when it has happened")]
Patience = Annotated[
    float, typer.Option("--timeout", parser=seconds, metavar="TIME", help="how long to wait at most: 90, 2m, PT2M")
]
Top = Annotated[int, typer.Option("--top", min=1, help="how many, newest first")]


class StopMode(StrEnum):
    """How a schedule is stopped."""

    GRACEFUL = "graceful"
    TERMINATE = "terminate"


class EventKind(StrEnum):
    """What an event tells of."""

    AUDIT = "audit"
    INCIDENT = "incident"


class HistoryPart(StrEnum):
    """What of a history is exported."""

    CYCLES = "cycles"
    EVENTS = "events"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for name, command in (
        ("list", list_schedules),
        ("show", show_schedule),
        ("start", start),
        ("stop", stop),
        ("pause", pause),
        ("resume", resume),
        ("repair", repair),
        ("trigger", trigger),
        ("cancel", cancel),
        ("set", set_settings),
        ("reset", reset),
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


def start(
    name: Name,
    reason: SomeReason = None,
    wait: Wait = False,
    timeout: Patience = 60,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Start a schedule; one that runs already is left as it is."""
    _act(url, output, name, "start", {"reason": reason}, ("running",) if wait else (), timeout if wait else 0)


def stop(
    name: Name,
    reason: Reason,
    mode: Annotated[StopMode, typer.Option(help="terminate: the instance ends in the middle")] = StopMode.GRACEFUL,
    wait: Wait = False,
    timeout: Patience = 360,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Stop a schedule: executions finish the messages in hand and take no more."""
    _act(url, output, name, "stop", {"reason": reason, "mode": mode.value}, ("stopped",) if wait else (), timeout)


def pause(
    name: Name,
    reason: Reason,
    until: Annotated[
        str | None, typer.Option(help="when it ends by itself: 2026-01-31T12:00:00Z, or 30m from now")
    ] = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Pause a schedule: it stays alive and takes no messages."""
    try:
        until = moment_of(until, datetime.now(UTC)) if until else None
    except ValueError as error:
        raise failed(f"--until {error}", Exit.USAGE) from error
    _act(url, output, name, "pause", {"reason": reason, "until": until})


def resume(
    name: Name,
    reason: SomeReason = None,
    wait: Wait = False,
    timeout: Patience = 60,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """End a pause."""
    _act(url, output, name, "resume", {"reason": reason}, ("running",) if wait else (), timeout)


def trigger(name: Name, reason: SomeReason = None, url: Url = None, output: Form = Output.TABLE) -> None:
    """End the present wait: the next cycle begins now, or right after the one at work."""
    _act(url, output, name, "trigger", {"reason": reason})


def repair(name: Name, reason: Reason, url: Url = None, output: Form = Output.TABLE) -> None:
    """Make the books agree: close what was left behind, and hold the totals against the history."""
    with calls(url, output) as client:
        found = client.call("POST", client.path(name, "repair"), {"reason": reason})
    closed = ", ".join(map(str, found["closed"])) or "none"
    before, after = found["before"], found["after"]
    lines = [f"cycles closed: {closed}"]
    lines += [f"{key}: {before[key]} -> {after[key]}" for key in ("cycles", "processed", "failed", "poisoned")]
    say(output, found, "\n".join(lines))


def cancel(
    name: Name,
    execution: Annotated[str, typer.Argument(help="cycle and index, as 42-3; `ebb executions` names them")],
    reason: Reason,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """End one execution at work: it finishes the messages in hand and takes no more; the others go on."""
    with calls(url, output) as client:
        path = client.path(name, "executions", execution, "cancel")
        document = client.call("POST", path, {"reason": reason})
    text = "ends after the messages in hand" if document["changed"] else "was told so before"
    say(output, document, f"execution {execution} of {name} {text}")


def set_settings(
    name: Name,
    settings: Annotated[list[str], typer.Argument(metavar="SETTING=VALUE...", help="null takes an override back")],
    reason: SomeReason = None,
    url: Url = None,
    output: Form = Output.TABLE,
) -> None:
    """Override settings from the next cycle on, for example maxExecutions=5 source.queueName=other."""
    from ebb.cli.assignments import changes_of

    try:
        patch = changes_of(settings)
    except SettingsError as error:
        raise failed(str(error), Exit.USAGE) from error
    with calls(url, output) as client:
        document = client.call("PATCH", client.path(name, "settings"), patch, reason=reason)
    say(output, document, f"{name}: overrides are {json.dumps(document['overrides'])}, from the next cycle on")


def reset(name: Name, reason: SomeReason = None, url: Url = None, output: Form = Output.TABLE) -> None:
    """Take all overrides back: the deployed settings count again."""
    with calls(url, output) as client:
        document = client.call("DELETE", client.path(name, "settings"), reason=reason)
    say(output, document, f"{name}: the deployed settings count" + ("" if document["changed"] else ", as before"))


def plan(name: Name, url: Url = None, output: Form = Output.TABLE, utc: Utc = False) -> None:
    """Say what the next cycle would do now, and why; changes nothing."""
    with calls(url, output) as client:
        document = client.call("GET", client.path(name, "plan"))
        phase = client.call("GET", client.path(name))["phase"]
    say(output, document, plan_text(Plan.from_document(document), times_of(utc), phase))


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


def _act(
    url: str | None,
    output: Output,
    name: str,
    verb: str,
    body: Json,
    awaited: tuple[str, ...] = (),
    timeout: float = 0,
) -> None:
    """Ask for something, wait for the state that it leads to if that is wanted, and say how things stand."""
    given = {key: value for key, value in body.items() if value is not None}
    deadline = time.monotonic() + timeout
    with calls(url, output) as client:
        known = [] if verb == "start" else client.schedule(name)["warnings"]  # said at the start, and by `show`
        document = _asked(lambda: client.call("POST", client.path(name, verb), given), deadline)
        changed = document.get("changed", True)
        if awaited:
            document = {**_until(client, name, awaited, timeout, deadline, document), "changed": changed}
    schedule = Schedule.from_document(document)
    text = f"{name} {schedule.state}" + ("" if changed else ", as before")
    if schedule.state in ("running", "paused") and schedule.next_cycle_reason:
        text += f"; next cycle {next_of(schedule, times_of(False))}"
    say(output, document, text)
    for warning in schedule.warnings if output is Output.TABLE else ():
        if warning not in known:
            warn(warning)


def _asked(call: Callable[[], Json], deadline: float) -> Json:
    """The answer; while an earlier instance is still stopping, asked again until `deadline`."""
    while True:
        try:
            return call()
        except CallError as error:
            if error.problem.get("code") != "stillStopping" or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def _until(client: Client, name: str, states: tuple[str, ...], timeout: float, deadline: float, document: Json) -> Json:
    while document["state"] not in states:
        if time.monotonic() > deadline:
            wanted = " or ".join(states)
            raise failed(f"{name} is {document['state']} after {duration(timeout)}, not {wanted}", Exit.FAILED)
        time.sleep(POLL_SECONDS)
        document = client.schedule(name)
    return document
