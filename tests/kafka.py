"""Brokers of Kafka for tests, on free ports of 127.0.0.1.

`Kafka` is noida-db: it keeps topics, groups and offsets as Kafka does; its binary is checked by its hash. `MockCluster`
is the one that librdkafka has for tests of clients.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from tests.azurite import accepts, free_ports

HASHES = {"d723e9d728b1d2005f0ee74f0c3696ba11aa021c280f869b6d095e6a87e357b7"}  # of the binary in noida-db 0.2.3, x86_64


class Kafka:
    """A running broker. `stop()` ends it and removes its data; `kill()` and `start()` let it go and come back."""

    def __init__(self, start_timeout: float = 60) -> None:
        """Start it and wait until it listens, at most `start_timeout` seconds."""
        self._program, self._start_timeout = _program(), start_timeout
        self.folder = Path(tempfile.mkdtemp(prefix="kafka-"))
        (self.port,) = free_ports(1)
        self.start()

    @property
    def servers(self) -> str:
        """For `bootstrapServers`."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on the data that are there."""
        command = [str(self._program), "start", "--only", "kafka", "--kafka-port", str(self.port)]
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(self.folder / "data")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
            )
        deadline = time.monotonic() + self._start_timeout
        while not accepts(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                output_text = (self.folder / "output.txt").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"the broker did not start: {output_text}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it and remove its data. Calling it again does nothing."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Kafka:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _program() -> Path:
    found = find_spec("noida_db")
    if found is None or found.origin is None:
        raise RuntimeError("noida-db is not installed: run `python3 dev.py setup`")
    program = Path(found.origin).with_name("noida-db")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    if digest not in HASHES:
        raise RuntimeError(f"{program.name} is not the one that was looked at: its SHA-256 is {digest}")
    return program


class MockCluster:
    """librdkafka's own cluster for tests, in a process that can be killed."""

    def __init__(self) -> None:
        """Start it; it listens when this returns."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.kafka_mock"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self.servers = self.process.stdout.readline().strip()

    def stop(self) -> None:
        """End it, its topics with it."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self) -> MockCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
