"""A server that speaks as AWS does, for tests: moto on a free port of 127.0.0.1."""

from __future__ import annotations

import subprocess
import sys
import time
from types import TracebackType

from tests.azurite import accepts, free_ports

ACCOUNT = "123456789012"
REGION = "eu-central-1"
SETTINGS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


class Moto:
    """A running server. `stop()` ends it; its queues go with it."""

    def __init__(self, start_timeout: float = 60) -> None:
        """Start it and wait until it listens, at most `start_timeout` seconds."""
        (self.port,) = free_ports(1)
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + start_timeout
        while not accepts(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("moto did not start")
            time.sleep(0.05)

    @property
    def url(self) -> str:
        """Its endpoint, for every service."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End the process. Calling it again does nothing."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self) -> Moto:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
