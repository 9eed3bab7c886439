"""Child processes that never outlive this one.

Each child leads a session of its own, so that Ctrl-C in the terminal reaches only this process, which then stops its
children in order. Should this process be killed, Linux sends the children SIGTERM (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from ebb.cli.local.errors import LocalError
from ebb.cli.local.kept_log import KeptLog

_PR_SET_PDEATHSIG = 1
_POLL = 0.05  # seconds
_ENDING = 1.0  # seconds from closed connections to the end of a process
_TAIL = 20  # lines


class Child:
    """A running child process with its output in a log file."""

    def __init__(
        self,
        name: str,
        process: subprocess.Popen[bytes],
        log: Path,
        noise: re.Pattern[str] | None = None,
        writer: KeptLog | None = None,
        begun: int = 0,
    ) -> None:
        """A child that was started.

        Args:
            noise: matches lines that say nothing of the child's end.
            writer: writes the log in the child's place.
            begun: bytes that the log had before: what earlier runs wrote.
        """
        self.name, self.log, self._process, self._noise, self._writer = name, log, process, noise, writer
        self._begun = begun

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def killed_by(self) -> str | None:
        """The name of the signal that ended the child; None while it runs, and where it ended by itself."""
        status = self._process.poll()
        return signal.Signals(-status).name if status is not None and status < 0 else None

    def check(self) -> None:
        """Nothing while the child runs.

        Raises:
            LocalError: it has ended; the text shows the end of its log.
        """
        status = self._process.poll()
        if status is not None:
            tail = "\n".join(f"  {line}" for line in self._tail())
            raise LocalError(f"{self.name} ended with status {status}; the end of {self.log}:\n{tail}")

    async def check_soon(self) -> None:
        """As `check`, for who has just met a closed connection: a process that ends closes those a moment before."""
        for _ in range(int(_ENDING / _POLL)):
            self.check()
            await asyncio.sleep(_POLL)

    async def stop(self, grace: float) -> None:
        """Ask the child to end; kill it, and whatever it left in its session, after `grace` seconds."""
        self._signal(signal.SIGTERM)
        for _ in range(int(grace / _POLL)):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(_POLL)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(self._process.pid, number)

    def _tail(self) -> list[str]:
        if self._writer is not None:
            self._writer.join(_ENDING)  # a grandchild may hold the pipe open: what is written by then has to do
        content = self.log.read_bytes()
        begun = self._begun if len(content) >= self._begun else 0  # a new file was begun
        lines = content[begun:].decode(errors="replace").splitlines()
        return [line for line in lines if not (self._noise and self._noise.search(line))][-_TAIL:]


@contextlib.asynccontextmanager
async def child(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
    grace: float,
    noise: re.Pattern[str] | None = None,
    kept: bool = False,
    way_out: str = "",
) -> AsyncGenerator[Child]:
    """Start `command` in `folder`; stop it at the end, within `grace` seconds or by force.

    Args:
        noise: as of `Child`.
        kept: write the log as `KeptLog` does.
        way_out: what to do where it cannot be started.

    Raises:
        LocalError: there is no such program, or it cannot be run here.
    """
    with log.open("ab") as output:
        begun = output.tell()
        try:
            process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once; asyncio's own would need a watcher thread
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if kept else output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )
        except OSError as error:
            after = f"; {way_out}" if way_out else ""
            raise LocalError(f"{name} cannot be started: {command[0]}: {error.strerror}{after}") from error
    started = Child(name, process, log, noise, KeptLog(process.stdout, log) if process.stdout else None, begun)
    try:
        yield started
    finally:
        await asyncio.shield(started.stop(grace))


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes its program; None where the system has no such call."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: nothing may be loaded between fork and exec

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent went before the call
            os._exit(1)

    return arm
