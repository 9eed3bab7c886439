"""Whether git could bring back what is in a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ebb.cli.init.folder_changes import InitError


def require_committed(folder: Path) -> None:
    """Make sure that git, where it keeps the folder, could bring back all that is in it.

    Raises:
        InitError: there are changes in no commit, or git does not say whether there are.
    """
    if not any((each / ".git").exists() for each in (folder.absolute(), *folder.absolute().parents)):
        return
    command = ["git", "status", "--porcelain", "--", "."]
    try:
        asked = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InitError(f"git cannot be asked for changes in {folder} ({error}): add --force to go on") from error
    if asked.returncode:
        told = asked.stderr.strip().partition("\n")[0]
        raise InitError(f"git does not say whether {folder} has changes ({told}): add --force to go on")
    if asked.stdout.strip():
        raise InitError(f"git has changes in {folder} that are in no commit: commit them first, or add --force")
