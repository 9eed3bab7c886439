"""The command `completion`: a script that makes a shell complete `ebb`, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init, get_completion_script  # pyright: ignore[reportPrivateImportUsage] - what Typer uses itself


class Shell(StrEnum):
    """Shells that are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the command to `app`, and what answers the scripts."""
    completion_init()
    app.command("completion")(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish")]) -> None:
    """Print the script by which a shell completes `ebb`; it changes no file and completes no other command.

    In the shell's own start file: eval "$(ebb completion bash)" (zsh: after compinit), or in fish: ebb completion fish
    | source.
    """
    typer.echo(get_completion_script(prog_name="ebb", complete_var="_EBB_COMPLETE", shell=shell))
