"""How a command ends and what it prints: options that all share, exit codes, tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from ebb.cli.client import URL_VARIABLE, CallError, Client
from ebb.cli.colours import ATTENTION, FAULT, QUIET
from ebb.cli.operate.literal import printable
from ebb.core.errors import FieldError


class Exit(IntEnum):
    """Exit codes; they are part of the contract."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5


class Output(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


_BY_STATUS = {404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 412: Exit.CONFLICT, 503: Exit.UNREACHABLE}
_USAGE = (400, 413, 422)
PIPED_WIDTH = 160  # columns for a pipe or a file, where nothing wraps and nobody widens the window


def seconds(text: object) -> float:
    """The duration of an option, in seconds: `90`, `30m`, `1h30m`, `00:30:00`, `PT30M`."""
    if isinstance(text, int | float):  # the default
        return float(text)
    from ebb.core.settings.durations import EXPECTED, parse_seconds  # late: most verbs have no use for it

    try:
        found = float(str(parse_seconds(text)))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} must be {EXPECTED}") from error
    if not 0 <= found < float("inf"):
        raise typer.BadParameter(f"{text!r} must be 0 or more")
    return found


def _named(context: typer.Context, given: str) -> str:
    """The name that was given; without one the command ends, and says which there are."""
    if given or context.resilient_parsing:  # a shell asks for completions
        return given
    try:
        known = [
            each["name"]
            for each in Client.from_environment(context.params.get("url")).call("GET", "schedules")["value"]
        ]
    except (ValueError, CallError):
        known = []
    choices = f": {', '.join(known)}" if known else ""
    raise failed(f"name a schedule{choices}", Exit.USAGE)


Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar=URL_VARIABLE,
        help="the app's address, otherwise the one that runs here; its key comes from EBB_KEY",
    ),
]
Form = Annotated[Output, typer.Option("--output", "-o", help="table or json")]
SomeReason = Annotated[str | None, typer.Option("--reason", "-r", help="why; the audit trail keeps it")]
Utc = Annotated[bool, typer.Option("--utc", help="times in UTC, not in this machine's zone")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="SCHEDULE", help="name of the schedule", default_factory=str, callback=_named, show_default=False
    ),
]


@contextmanager
def calls(url: str | None, form: Output = Output.TABLE, folder: Path | None = None) -> Generator[Client]:
    """A client for the app at `url`; a call that fails ends the command with its exit code and says why.

    Without an address it is the app that `up` serves from `folder` (the current one without it). Which app that is
    stands on standard error, unless `form` is for a program.
    """
    try:
        client = Client.from_environment(url, folder)
        if form is Output.TABLE:
            note(client.described)
        yield client
    except ValueError as error:
        raise failed(str(error), Exit.USAGE) from error
    except CallError as error:
        errors = error.problem.get("errors", ())
        fields = [f"  {FieldError(each['field'], each['value'], each['message'])}" for each in errors]
        raise failed("\n".join([str(error) if not fields else "refused:", *fields]), code_of(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error


def code_of(error: CallError) -> Exit:
    """The exit code of a call that failed."""
    if error.status is None:
        return Exit.UNREACHABLE
    if error.status in _USAGE:
        return Exit.USAGE if error.problem else Exit.FAILED  # another app knows nothing of what was asked for
    return _BY_STATUS.get(error.status, Exit.FAILED)


def failed(text: str, code: Exit) -> typer.Exit:
    """Say what went wrong on standard error; the result ends the command."""
    _complain(f"error: {text}", FAULT)
    return typer.Exit(code)


def refuse_together(**given: object) -> None:
    """Make sure that at most one of these options was given; names are written as in Python, `all_` is `--all`.

    Raises:
        typer.Exit: two were; status 2.
    """
    names = [
        f"--{name.rstrip('_').replace('_', '-')}" for name, value in given.items() if value not in (None, False, ())
    ]
    if len(names) > 1:
        raise failed(f"{' and '.join(names[:2])} exclude each other: give one of them", Exit.USAGE)


def note(text: str) -> None:
    """Something beside the answer, on standard error."""
    _complain(text, QUIET)


def warn(text: str) -> None:
    """Something to look after, on standard error."""
    _complain(f"warning: {text}", ATTENTION)


def show(form: Output, document: Any, table: RenderableType) -> None:
    """Print `document` as JSON, or `table`."""
    if form is Output.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console().print(table)


def show_text(form: Output, document: Any, text: str) -> None:
    """Print `document` as JSON, or `text`, which may hold anything: it is not read as markup."""
    if form is Output.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console().print(printable(text), markup=False, highlight=False, emoji=False, soft_wrap=True)


def console() -> Console:
    """The terminal, or what stands for it; colours follow NO_COLOR and whether it is one."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None, emoji=False)


def _complain(text: str, style: str) -> None:
    Console(stderr=True).print(printable(text), style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)
