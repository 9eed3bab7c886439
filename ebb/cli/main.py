"""The command line: one module a group of commands, registered here."""

from __future__ import annotations

import typer

from ebb.cli import deploy as commands_deploy
from ebb.cli.operate import commands as operate
from ebb.cli.operate import feed as operate_feed
from ebb.cli.operate import lists as operate_lists
from ebb.cli.operate import logs as operate_logs
from ebb.cli.operate import poison as operate_poison
from ebb.cli.simulate import command as commands_simulate

app = typer.Typer(name="ebb", help="Ebb: an overlap-free, backlog-driven scheduler.", no_args_is_help=True)
operate.register(app)
operate_lists.register(app)
operate_logs.register(app)
operate_poison.register(app)
operate_feed.register(app)
commands_deploy.register(app)
commands_simulate.register(app)


@app.callback()
def _ebb() -> None:
    """Keeps the names of the commands when there is only one."""
