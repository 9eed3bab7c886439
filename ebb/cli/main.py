"""The command line: one module a group of commands, registered here.

Modules of commands import at their top only what describes their flags; what a verb needs it imports when it runs, so
that `ebb list` does not wait for what `ebb doctor` needs.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ebb.cli import completion, deploy
from ebb.cli.examples import add_examples
from ebb.cli.init import command as init
from ebb.cli.local import command as local
from ebb.cli.operate import commands as operate
from ebb.cli.operate import dashboard, feed, lists, logs, poison
from ebb.cli.simulate import command as simulate
from ebb.core.version import __version__

app = typer.Typer(
    name="ebb",
    help="Ebb: an overlap-free, backlog-driven scheduler.",
    no_args_is_help=True,
    add_completion=False,  # its own option would change the shell's start files; see the command `completion`
)
for _group in (init, local, feed, operate, lists, logs, dashboard, poison, deploy, simulate, completion):
    _group.register(app)
add_examples(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ebb {__version__}")
        raise typer.Exit


@app.callback()
def _ebb(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version and end")
    ] = False,
) -> None:
    """Ebb: an overlap-free, backlog-driven scheduler."""
