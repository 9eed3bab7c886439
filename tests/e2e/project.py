"""A project folder of its own for `dev.py`: this repository's code, with other schedules and handlers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ebb.cli.local.environment import is_ready
from tests.e2e.harness import ROOT

_COPIED = ("dev.py", "ebb", "function_app.py", "handlers", "host.json")  # found by their own place, or changed by tests
_LEFT_OUT = {*_COPIED, "schedules.yaml", "local.settings.json", "tests", "bench", "docs"}
FREE = ["--port", "0", "--storage-port", "0"]


def lay_out(folder: Path, schedules: str) -> Path:
    """A folder in which `dev.py` serves `schedules`, the text of a schedules.yaml; the environment is shared.

    An environment that is out of date would be made again by the first call, in the name of a folder that is gone soon.
    """
    assert is_ready(ROOT, ((3, 11), (3, 13))), "the requirements have changed: run python3 dev.py setup first"
    folder.mkdir()
    for name in _COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for path in ROOT.iterdir():
        if path.name not in _LEFT_OUT and path.name not in (".git", ".devhost"):
            (folder / path.name).symlink_to(path)
    (folder / "schedules.yaml").write_text(schedules)
    return folder


def run_dev(project: Path, *arguments: str, seconds: float = 90) -> subprocess.CompletedProcess[str]:
    """One call of the project's `dev.py`, to its end."""
    command = [sys.executable, str(project / "dev.py"), *arguments]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
    )
