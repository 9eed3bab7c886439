"""One host of the app as a child process: started, killed, frozen and looked at from outside.

It is devhost, or the real Durable engine where EBB_REALHOST names its folder or ../shared/realhost has it. There a
Python worker is a child of the host, and each host gets a machine name of its own: the engine's leases go by it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

from ebb.cli.local.engines import PYTHON_SETTING
from tests.azurite import free_ports
from tests.chaos.app import book
from tests.e2e.harness import ROOT, call

APP = Path(__file__).parent / "app"
ENGINES = ("devhost", "realhost")
_OWN = {"function_app.py", "dev.py", "tests", "bench", "docs", "infra", "node_modules"}
_DEVHOST_READY = re.compile(r"^Host ready: (http://\S+)", re.MULTILINE)
_REALHOST_READY = re.compile(r"Worker process started and initialized")
_TRACEBACK = "Traceback (most recent call last):\n"
_CAUSES = ("The above exception was the direct cause", "During handling of the above exception")
_NAMED = re.compile(r"[\w.]*errors\.\w+")
_HANDLERS = "/app/jobs.py"  # what the scenarios' own handlers raise


class HostEndedError(Exception):
    """The host ended before it was ready; the text is the end of its output."""


class Host:
    """A host of its own task hub, or of one that it shares (real engine)."""

    def __init__(
        self, name: str, folder: Path, ledger: Path, environment: Mapping[str, str], engine: str = "devhost"
    ) -> None:
        """`folder` gets the app, the state and the log; `environment` are the app settings besides the ledger's."""
        self.name, self.engine = name, engine
        self.root, self.state, self.log = folder / "app", folder / "state", folder / "host.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._ledger, self._frozen = ledger, False
        self._environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "DEVHOST_HOLD_DEAD_WORK": "00:00:03",  # after a kill, as in Azure, where it is a minute
            book.PATH: str(ledger),
            book.HOST: name,
            **environment,
        }

    def lay_out(self, schedules: Mapping[str, Any], budgets: Mapping[str, Any]) -> None:
        """Make the app's folder: this repository's code under the function app of the fault scenarios."""
        self.root.mkdir(parents=True)
        for path in ROOT.iterdir():
            is_code = path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py")))
            if path.name not in _OWN and (is_code or path.name == "host.json"):
                (self.root / path.name).symlink_to(path)
        for path in APP.glob("*.py"):
            shutil.copy(path, self.root / path.name)
        (self.root / "schedules.yaml").write_text(
            yaml.safe_dump({"schedules": dict(schedules), "budgets": dict(budgets)})
        )

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self, seconds: float = 60) -> Host:
        """Run it until it is ready.

        Raises:
            HostEndedError: it ended instead, or was not ready in time.
        """
        if self.process is not None and self.process.poll() is not None:
            self._note_death()
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not self._is_ready(self.output(begin)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise HostEndedError(self.output(begin)[-4000:])
            time.sleep(0.03)
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)

    def kill_workers(self, seconds: float = 20) -> None:
        """End the Python processes of the real engine as a crash would; realhost ends with them, within `seconds`."""
        assert self.process is not None
        workers = self._workers()
        for each in workers:
            each.kill()
        psutil.wait_procs(workers, timeout=seconds)
        self._note_death()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def kill_all(self) -> None:
        """End the host and its Python processes at once, as the loss of a machine would."""
        workers = self._workers()
        self._all(signal.SIGKILL)
        psutil.wait_procs(workers, timeout=20)
        self._signal(signal.SIGKILL)

    def terminate(self, seconds: float = 20) -> int | None:
        """Ask it to end; its exit status, or None where it had to be killed after `seconds`."""
        if not self.runs:
            return None
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(seconds)
            self._note_death()
            return status
        self.kill()
        return None

    def freeze(self) -> None:
        """Stop it where it stands."""
        self._all(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        if self._frozen:
            self._all(signal.SIGCONT)
            self._frozen = False

    def close(self) -> None:
        """End it and all that it left behind."""
        if self.process is not None:
            self.thaw()
            self.kill()
            self._all(signal.SIGKILL)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and document of one call; `path` begins after `/api/`. Status 0: nobody answered."""
        try:
            return call(method, f"{self.url}/api/{path}", body)
        except (OSError, ValueError) as error:
            return 0, {"detail": f"{type(error).__name__}: {error}"}

    def output(self, begin: int = 0) -> str:
        """What it has printed since byte `begin`."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace")

    def surprises(self) -> list[str]:
        """The last line of each traceback in its output, but for failures that the app has a name for."""
        found: list[str] = []
        for part in self.output().split(_TRACEBACK)[1:]:
            lines = part.splitlines()
            end = next((index for index, line in enumerate(lines) if line and not line[0].isspace()), None)
            is_cause = any(line.startswith(_CAUSES) for line in lines)
            if end is None or is_cause or any(_HANDLERS in line for line in lines[:end]):
                continue
            if not _NAMED.match(lines[end]):
                found.append(lines[end])
        return found

    def _command(self) -> Sequence[str]:
        if self.engine == "devhost":
            command = [sys.executable, "-m", "devhost", "start", "--port", "0"]
            return [*command, "--script-root", str(self.root), "--state", str(self.state)]
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        start = f'hostname {self.name} && exec "$0" "$@"'
        engine = [str(realhost()), "start", "--port", str(port), "--script-root", str(self.root)]
        return ["unshare", "--uts", "sh", "-c", start, *engine, "--python", app_python()]

    def _is_ready(self, output: str) -> bool:
        if self.engine == "devhost":
            found = _DEVHOST_READY.search(output)
            self.url = found[1] if found else ""
            return found is not None
        return bool(_REALHOST_READY.search(output))

    def _workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True) if self.process and self.runs else []

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(number)
        self.process.wait(20)
        self._note_death()

    def _note_death(self) -> None:
        assert self.process is not None
        book.write(self._ledger, "death", host=self.name, process=self.process.pid)

    def _all(self, number: signal.Signals) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def realhost() -> Path | None:
    """The program of the real engine; None where there is none."""
    folder = Path(os.environ.get("EBB_REALHOST", ROOT.parent / "shared/realhost"))
    return folder / "func" if (folder / "func").exists() else None


def app_python() -> str:
    """The interpreter of the app on the real engine: REALHOST_PYTHON names one with another SDK."""
    return os.environ.get(PYTHON_SETTING) or sys.executable
