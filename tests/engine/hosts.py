"""One host process of a test, whatever engine it is: started, watched, and ended in every way that a host can end."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from ebb.cli.local.engines import Engine
from tests.azurite import free_ports
from tests.e2e.harness import ROOT, wait_for

START_SECONDS = 60
IN_ORDER_SECONDS = 30  # a host lets activities finish before it ends
PORTS_TRIED = 3  # another process may take a port between its choice and its use
_TAKEN = re.compile("address already in use", re.IGNORECASE)
_NAMED = 'hostname "$0" && exec "$@"'


class Host:
    """A host of `engine` that serves the app in `root`; the leases of the extension go by the name of its machine."""

    def __init__(self, engine: Engine, root: Path, state: Path, variables: Mapping[str, str]) -> None:
        """`state` is for a host with files of its own; `variables` are the app settings."""
        self.engine, self.machine = engine, f"host-{uuid.uuid4().hex[:8]}"
        self._root, self._state, self._variables = root, state, variables
        self._log = state.with_name(f"{self.machine}.log")
        self._process: psutil.Popen | None = None
        self._known: set[psutil.Process] = set()  # the host and what it has started
        self._is_frozen = False
        self.url = ""

    def start(self) -> Host:
        """Run it until it is ready; it can be started again after it has ended, on another port."""
        for _ in range(PORTS_TRIED):
            self.begin()
            wait_for(self._is_settled, START_SECONDS, lambda: f"the host did not start:\n{self.log()[-3000:]}")
            if self.is_alive or not _TAKEN.search(self.log()):
                break
        assert self.is_alive, f"the host ended:\n{self.log()[-3000:]}"
        return self

    def begin(self) -> None:
        """Run it, without waiting until it is ready."""
        (port,) = free_ports(1)
        command: Sequence[str] = self.engine.command(port, self._root, self._state)
        if self.engine.is_remote and not why_unnamed():
            command = ["unshare", "--uts", "sh", "-c", _NAMED, self.machine, *command]
        folder = ROOT if self.engine.name == "devhost" else self._root  # devhost is a module of this repository
        environment = {**os.environ, **self.engine.variables, **self._variables, "PYTHONUNBUFFERED": "1"}
        with self._log.open("wb") as output:
            self._process = psutil.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self.url = f"http://127.0.0.1:{port}"

    def kill(self) -> None:
        """End the host at once, as a crash or a lost machine would; its workers end by themselves."""
        self._end(signal.SIGKILL, [self._running])

    def kill_workers(self) -> None:
        """End the Python processes at once, and not the host."""
        self._end(signal.SIGKILL, self.workers())

    def kill_all(self) -> None:
        """End the host and its Python processes at once."""
        self._end(signal.SIGKILL, [self._running, *self.workers()])

    def terminate(self) -> None:
        """End the host in order."""
        self._see()
        self._running.terminate()
        self._running.wait(IN_ORDER_SECONDS)

    def freeze(self) -> None:
        """Stop the host and its workers where they stand, as a machine does that swaps or is moved."""
        self._see()
        self._is_frozen = True
        for process in (self._running, *self.workers()):
            process.suspend()

    def go_on(self) -> None:
        """Let what was frozen go on."""
        for process in (*self.workers(), self._running):
            process.resume()
        self._is_frozen = False

    def log(self) -> str:
        """All that the host and its app have said since it was started last."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_answering(self) -> bool:
        """Whether it can be asked something."""
        return self.is_alive and not self._is_frozen

    @property
    def pid(self) -> int:
        return self._running.pid

    def workers(self) -> list[psutil.Process]:
        """The processes that the host has started and that still run."""
        return self._running.children(recursive=True) if self.is_alive else []

    def clean_up(self) -> None:
        """Leave nothing running."""
        self._see()
        for process in self._known:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._known, timeout=10)

    @property
    def _running(self) -> psutil.Popen:
        assert self._process is not None, "the host was never started"
        return self._process

    def _see(self) -> None:
        if self.is_alive:
            self._known |= {self._running, *self.workers()}

    def _end(self, number: signal.Signals, processes: Sequence[psutil.Process]) -> None:
        self._see()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        psutil.wait_procs(processes, timeout=10)

    def _is_settled(self) -> bool:
        """Whether it is ready, or has ended."""
        return not self.is_alive or self.engine.ready.search(self.log()) is not None


@functools.cache
def why_unnamed() -> str | None:
    """Why a host cannot have a machine name of its own here; None where it can."""
    try:
        tried = subprocess.run(
            ["unshare", "--uts", "sh", "-c", _NAMED, "tried", "hostname"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unshare --uts cannot be run: {error}"
    if tried.stdout.strip() == "tried":
        return None
    return f"unshare --uts is not permitted: {tried.stderr.strip()}"
