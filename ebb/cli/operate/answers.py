"""How a command ends and what it prints: exit codes, tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from ebb.cli.client import URL_VARIABLE, CallError, Client
from ebb.cli.operate.plain import printable


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


Url = Annotated[
    str | None,
    typer.Option("--url", envvar=URL_VARIABLE, help="the app's address; its function key comes from EBB_KEY"),
]
Form = Annotated[Output, typer.Option("--output", "-o", help="table or json")]
Name = Annotated[str, typer.Argument(metavar="SCHEDULE", help="name of the schedule")]

_BY_STATUS = {404: Exit.NOT_FOUND, 409: Exit.CONFLICT, 412: Exit.CONFLICT, 503: Exit.UNREACHABLE}
_USAGE = (400, 413, 422)
PIPED_WIDTH = 160  # columns for a pipe or a file, where nothing wraps and nobody widens the window


@contextmanager
def calls(url: str | None) -> Iterator[Client]:
    """A client for the app at `url`; a call that fails ends the command with its exit code and says why."""
    try:
        yield Client.from_environment(url)
    except ValueError as error:
        raise failed(str(error), Exit.USAGE) from error
    except CallError as error:
        fields = [f"  {each['field']}: {each['value']!r} {each['message']}" for each in error.problem.get("errors", ())]
        raise failed("\n".join([str(error) if not fields else "refused:", *fields]), code_of(error)) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error


def code_of(error: CallError) -> Exit:
    """The exit code of a call that failed."""
    if error.status is None:
        return Exit.UNREACHABLE
    return Exit.USAGE if error.status in _USAGE else _BY_STATUS.get(error.status, Exit.FAILED)


def failed(text: str, code: Exit) -> typer.Exit:
    """Say what went wrong on standard error; the result ends the command."""
    Console(stderr=True).print(f"error: {printable(text)}", style="red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(code)


def show(form: Output, document: Any, table: RenderableType) -> None:
    """Print `document` as JSON, or `table`."""
    if form is Output.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console().print(table)


def say(form: Output, document: Any, text: str) -> None:
    """Print `document` as JSON, or `text`, which may hold anything: it is not read as markup."""
    if form is Output.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        console().print(printable(text), markup=False, highlight=False, soft_wrap=True)


def console() -> Console:
    """The terminal, or what stands for it; colours follow NO_COLOR and whether it is one."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED_WIDTH if piped else None)
