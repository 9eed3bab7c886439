"""The command line: one module a group of commands, registered here."""

from __future__ import annotations

import typer

from ebb import commands_deploy, commands_simulate, operate, operate_feed, operate_poison

app = typer.Typer(name="ebb", help="Ebb: an overlap-free, backlog-driven scheduler.", no_args_is_help=True)
operate.register(app)
operate_poison.register(app)
operate_feed.register(app)
commands_deploy.register(app)
commands_simulate.register(app)


@app.callback()
def _ebb() -> None:
    """Keeps the names of the commands when there is only one."""
