"""The command `init`: a new function app with Ebb, or Ebb in one that exists."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from ebb.cli.operate.answers import Exit, failed

PACKAGE = "ebb_app"  # of Ebb's modules in an app that exists


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("init")(init)


def init(
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="the new app's folder")] = None,
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="add Ebb to the app in this folder instead")
    ] = None,
    package: Annotated[str, typer.Option(metavar="NAME", help="--into: package for Ebb's modules")] = PACKAGE,
    prefix: Annotated[
        str, typer.Option(metavar="NAME", help="--into: in front of the names and routes of Ebb's HTTP functions")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "--write", help="--into: write, and do not only show")] = False,
    force: Annotated[bool, typer.Option("--force", help="even if git has changes there without a commit")] = False,
) -> None:
    """Make a function app with Ebb and a sample handler, or show what would add Ebb to an app (--yes adds it)."""
    if (folder is None) == (into is None):
        raise failed("name one folder: ebb init DIR for a new app, ebb init --into DIR for one that exists", Exit.USAGE)
    from ebb.cli.init.folder_changes import InitError
    from ebb.core.errors import SettingsError

    try:
        if folder is not None:
            _new(folder, force)
        elif into is not None:
            _add(into, package, prefix, yes, force)
    except (InitError, SettingsError) as error:
        raise failed(str(error), Exit.USAGE) from error


def _new(folder: Path, force: bool) -> None:
    from ebb.cli.init.folder_changes import carry_out
    from ebb.cli.init.git import require_committed
    from ebb.cli.init.new_app import changes_for_new

    changes = changes_for_new(folder)
    if folder.exists() and not force:
        require_committed(folder)
    carry_out(changes)
    told = f"{len(changes.files)} files in {folder}: README.md says what is where"
    typer.echo(f"{told}\nnext: cd {quote(str(folder))} && ebb up")


def _add(folder: Path, package: str, prefix: str, yes: bool, force: bool) -> None:
    from ebb.cli.init.folder_changes import InitError, carry_out, lines_of
    from ebb.cli.init.git import require_committed
    from ebb.cli.init.into import changes_into

    changes = changes_into(folder, package, prefix)
    typer.echo("\n".join(lines_of(changes)))
    if changes.collisions:
        raise InitError("nothing is written while something collides")
    if not force:
        require_committed(folder)
    if yes:
        carry_out(changes)
        needed, app = quote(str(folder / "requirements.txt")), quote(str(folder))
        typer.echo(f"written; next: pip install -r {needed} && ebb up --app {app}")
    else:
        typer.echo("nothing is written yet: --yes writes it")
