"""The commands `up` and `test`: a function app on this machine, and its tests."""

from __future__ import annotations

import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Never

import typer

from ebb.cli.app_folder import AppFolder, find_app, schedules_of
from ebb.cli.local.options import Options
from ebb.cli.operate.answers import Exit, failed
from ebb.core.errors import EbbError

Port = Annotated[int, typer.Option(min=0, max=65533, metavar="N", help="of the app; 0 takes a free one")]
StoragePort = Annotated[
    int,
    typer.Option(
        min=0,
        max=65533,
        metavar="N",
        help="of the storage emulator: blob, then queue and table on the next two; 0 takes free ones",
    ),
]
State = Annotated[Path | None, typer.Option(metavar="DIR", help="for all data and logs; .devhost in the app's folder")]


class HostProgram(StrEnum):
    """What can run the app; ebb/cli/local/engines.py knows where each is."""

    DEVHOST = "devhost"
    REALHOST = "realhost"
    FUNC = "func"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("up")(up)
    app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run_tests)


def up(
    app: AppFolder = None,
    schedule: Annotated[str | None, typer.Option(metavar="NAME", help="which one; none: the only one")] = None,
    count: Annotated[int, typer.Option(min=0, metavar="N", help="how many messages to put")] = 500,
    poison: Annotated[int, typer.Option(min=0, metavar="N", help="how many more that no handler can read")] = 0,
    port: Port = 7071,
    storage_port: StoragePort = 10000,
    state: State = None,
    no_feed: Annotated[bool, typer.Option("--no-feed", help="put no messages")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="end when all is drained; status 0 only if all went right (sample handler)")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="no live view; the last line is one JSON object (sample handler)")
    ] = False,
    clean: Annotated[bool, typer.Option("--clean", help="forget what an earlier run left in the state folder")] = False,
    host: Annotated[
        HostProgram, typer.Option(help="what runs the app: our host, Microsoft's Durable extension, or Core Tools")
    ] = HostProgram.DEVHOST,
) -> None:
    """Serve an app on this machine: storage emulator, local host, a schedule fed with messages, and a live view."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # it is under nohup
            signal.signal(number, _end)  # stops the step that runs, then exits
    try:
        folder = find_app(app)
        name = schedule or _only_schedule(folder)
    except EbbError as error:
        raise failed(str(error), Exit.USAGE) from error
    from ebb.cli.local import verbs

    place = state or folder / ".devhost"
    options = Options(folder, name, place, count, poison, port, storage_port, no_feed, once, json, clean, host)
    raise typer.Exit(verbs.run_up(options))


def run_tests(context: typer.Context, app: AppFolder = None) -> None:
    """Run the app's tests with pytest, in the Python that runs this command; further arguments go to pytest."""
    from importlib.util import find_spec

    try:
        folder = find_app(app)
    except EbbError as error:
        raise failed(str(error), Exit.USAGE) from error
    if find_spec("pytest") is None:
        raise failed(f"{sys.executable} has no pytest: run its pip install -r requirements-dev.txt", Exit.FAILED)
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *context.args])


def _only_schedule(folder: Path) -> str:
    """The name of the app's only schedule.

    Raises:
        SettingsError: the settings are refused.
        typer.Exit: there are several, or none.
    """
    names = list(schedules_of(folder, os.environ))
    if not names:
        raise failed(f"there is no schedule in {folder / 'schedules.yaml'}: write one there", Exit.USAGE)
    if len(names) > 1:
        known = ", ".join(names)
        raise failed(f"name one of the schedules of {folder} with --schedule NAME; known are {known}", Exit.USAGE)
    return names[0]


def _end(number: int, _: object) -> Never:
    sys.exit(128 + number)
