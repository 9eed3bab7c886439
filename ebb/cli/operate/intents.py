"""Commands that say what a schedule should do: start, stop, pause, other settings, one execution less."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from ebb.cli.client import CallError, Client
from ebb.cli.operate.answers import Exit, Form, Name, Output, SomeReason, Url, calls, failed, seconds, show_text, warn
from ebb.cli.operate.pages import next_of
from ebb.cli.operate.times import moment_of, times_of
from ebb.core.document import Json
from ebb.core.errors import SettingsError
from ebb.core.schedule import Schedule
from ebb.core.wording import duration

POLL_SECONDS = 0.3

Reason = Annotated[str, typer.Option("--reason", "-r", help="why; it stands in the status and in the audit trail")]
UntilDone = Annotated[bool, typer.Option("--wait", help="return when it has happened")]
Patience = Annotated[
    float, typer.Option("--timeout", parser=seconds, metavar="TIME", help="how long to wait at most: 90, 2m, PT2M")
]


class StopMode(StrEnum):
    """How a schedule is stopped."""

    GRACEFUL = "graceful"
    TERMINATE = "terminate"


def start(
    name: Name,
    reason: SomeReason = None,
    wait: UntilDone = False,
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
    wait: UntilDone = False,
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
    wait: UntilDone = False,
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
    from ebb.core.row.books import Repair  # late: only this command needs what it imports

    with calls(url, output) as client:
        document = client.call("POST", client.path(name, "repair"), {"reason": reason})
    done = Repair.from_document(document)
    lines = [f"cycles closed: {', '.join(map(str, done.closed)) or 'none'}"]
    counts = ("cycles", "processed", "failed", "poisoned")
    lines += [f"{each}: {getattr(done.before, each)} -> {getattr(done.after, each)}" for each in counts]
    show_text(output, document, "\n".join(lines))


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
    changed = Schedule.from_document(document).changed
    text = "ends after the messages in hand" if changed else "was told so before"
    show_text(output, document, f"execution {execution} of {name} {text}")


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
    overrides = json.dumps(Schedule.from_document(document).overrides)
    show_text(output, document, f"{name}: overrides are {overrides}, from the next cycle on")


def reset(name: Name, reason: SomeReason = None, url: Url = None, output: Form = Output.TABLE) -> None:
    """Take all overrides back: the deployed settings count again."""
    with calls(url, output) as client:
        document = client.call("DELETE", client.path(name, "settings"), reason=reason)
    again = "" if Schedule.from_document(document).changed else ", as before"
    show_text(output, document, f"{name}: the deployed settings count{again}")


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
        before = None if verb == "start" else Schedule.from_document(client.schedule(name))
        document = _asked(lambda: client.call("POST", client.path(name, verb), given), deadline)
        if awaited:
            changed = document.get("changed", True)
            document = {**_until(client, name, awaited, timeout, deadline, document), "changed": changed}
    schedule = Schedule.from_document(document)
    text = f"{name} {schedule.state}" + (", as before" if schedule.changed is False else "")
    if schedule.state in ("running", "paused") and schedule.next_cycle_reason:
        text += f"; next cycle {next_of(schedule, times_of(False))}"
    show_text(output, document, text)
    known = before.warnings if before else ()  # said at the start, and by `show`
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
    while (state := Schedule.from_document(document).state) not in states:
        if time.monotonic() > deadline:
            wanted = " or ".join(states)
            raise failed(f"{name} is {state} after {duration(timeout)}, not {wanted}", Exit.FAILED)
        time.sleep(POLL_SECONDS)
        document = client.schedule(name)
    return document
