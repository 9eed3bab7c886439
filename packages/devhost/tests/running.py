"""Starts a devhost as a process of its own and talks to it; for tests of the command line, of restarts and of kills."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

APPS = Path(__file__).parent / "apps"
ROOT = Path(__file__).parents[1]
BASE = "/runtime/webhooks/durabletask"


class Process:
    """One `python -m devhost start`."""

    def __init__(self, app: Path, state: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "devhost", "start", "--port", "0", "--script-root", str(app)]
        self.log = (state.parent / f"{state.name}.log").open("a")
        self.popen = subprocess.Popen(
            [*command, "--state", str(state), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        self.url = self._wait_until_ready()

    def _wait_until_ready(self) -> str:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            if line.startswith("Host ready: "):
                return line.split()[-1]
        self.stop()
        raise AssertionError(f"the host ended with {self.popen.returncode}: {Path(self.log.name).read_text()[-2000:]}")

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, _content(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _content(error.read())

    def start(self, orchestrator: str, instance_id: str, given: Any = None) -> int:
        return self.call("POST", f"{BASE}/orchestrators/{orchestrator}/{instance_id}", given)[0]

    def status(self, instance_id: str) -> Any:
        return self.call("GET", f"{BASE}/instances/{instance_id}")[1]

    def wait(self, instance_id: str, seconds: float = 15) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status = self.status(instance_id)
            if status and status["runtimeStatus"] not in ("Pending", "Running"):
                return status
            time.sleep(0.02)
        raise AssertionError(f"{instance_id} did not end in {seconds} s: {status}")

    def kill(self) -> None:
        self.popen.kill()
        self._close()

    def stop(self) -> int:
        self.popen.terminate()
        self._close()
        return self.popen.returncode

    def _close(self) -> None:
        self.popen.wait(timeout=20)
        if self.popen.stdout:
            self.popen.stdout.close()
        self.log.close()


def _content(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()
