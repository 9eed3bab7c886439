"""Steps of a set-up: commands with their output in a log, each said in one line with the time that it took.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ebb.cli.local.step_progress import LOOK_SECONDS, Progress
from ebb.cli.local.terminal import say

STEP_TIMEOUT = 1800.0  # seconds; a slow mirror is not a failure, a dead one is
_TAIL = 25  # lines of a failed command's output that are shown


class SetUpError(Exception):
    """A set-up failed; the text says which step, and shows the end of its output."""


def run_step(name: str, command: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Run one command in `folder`.

    Raises:
        SetUpError: it failed, or took longer than `STEP_TIMEOUT`.
    """
    say(f"{name} ...", end="")
    began = time.monotonic()
    with log.open("wb") as output, Progress(name, log) as progress:
        status = _run(command, folder, output, environment, progress.look)
    say(f" {time.monotonic() - began:.1f} s" if status == 0 else " failed")
    if status != 0:
        tail = "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-_TAIL:])
        raise SetUpError(f"could not {name}, exit status {status}; the end of {log}:\n{tail}")


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Generator[None]:
    """Hold the lock on the folder `root`; it goes with the process, however that ends."""
    folder = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run that sets up the environment ...")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _run(
    command: Sequence[str],
    folder: Path,
    output: BinaryIO,
    environment: Mapping[str, str],
    look: Callable[[], None],
) -> int | str:
    """The exit status of `command`; `look` is called while it works. It ends with this process, its children too."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    deadline = time.monotonic() + STEP_TIMEOUT
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK_SECONDS)
            look()
        return f"none: stopped after {STEP_TIMEOUT:g} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
