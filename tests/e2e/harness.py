"""The whole app for a test: this repository's function app on the local host, with storage of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import QueueClient

from ebb.cli.acceptance.ledger import Ledger
from tests.azurite import Azurite

ROOT = Path(__file__).parents[2]
_COPIED = ("function_app.py", "host.json")
_LEFT_OUT = {*_COPIED, "dev.py", "packages", "bench", "tests"}
_READY = re.compile(r"^Host ready: (http://\S+)", re.MULTILINE)


class App:
    """One app folder with schedules of its own; `start`, `kill` and `stop` act on its host process."""

    def __init__(
        self, folder: Path, azurite: Azurite, settings: dict[str, Any] | None = None, tree: Path = ROOT
    ) -> None:
        """Lay out the app with one schedule, `parity`; `settings` change those of the sample schedule.

        Args:
            tree: the checkout whose app it is; another than this one runs in its own `.venv`.
        """
        self.name = f"e2e{uuid.uuid4().hex[:12]}"  # of the task hub, the tables and the queue
        self.root, self.state, self.log = folder / "app", folder / "state", folder / "devhost.log"
        self.ledger = Ledger(folder / "parity.jsonl")
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self._azurite, self._tree = azurite, tree
        self._python = sys.executable if tree == ROOT else str(tree / ".venv/bin/python")
        self._lay_out(settings or {})
        self.queue = QueueClient.from_connection_string(azurite.connection_string, self.name)

    def start(self, port: str = "0", **environment: str) -> App:
        """Run the host until it is ready, on a free port without `port`; `environment` are further app settings."""
        self.log.unlink(missing_ok=True)
        command = [self._python, "-m", "devhost", "start", "--port", port]
        command += ["--script-root", str(self.root), "--state", str(self.state)]
        settings = {
            "AzureWebJobsStorage": self._azurite.connection_string,
            "AzureFunctionsJobHost__extensions__durableTask__hubName": self.name,
            "EbbTablePrefix": self.name,
            "EBB_PARITY_LEDGER": str(self.ledger.path),
            "PYTHONUNBUFFERED": "1",
            "DEVHOST_HOLD_DEAD_WORK": "00:00:03",  # after a kill, as in Azure, where it is a minute
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self._tree,
                env={**os.environ, **settings, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._is_ready, 30, lambda: f"the host did not start:\n{self._output()[-3000:]}")
        return self

    def kill(self) -> None:
        """End the host as a crash would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End the host in order, by force if that takes too long; nothing if it is not running."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Status and document of one call of the API; `path` starts after `/api/`."""
        return call(method, f"{self.url}/api/{path}", body)

    def schedule(self) -> dict[str, Any]:
        """The Schedule document of `parity`."""
        status, document = self.call("GET", "schedules/parity")
        assert status == 200, document
        return document

    def cycles(self) -> list[dict[str, Any]]:
        """The whole history of `parity`, newest first."""
        status, page = self.call("GET", "schedules/parity/cycles?top=1000")
        assert status == 200, page
        assert "continuationToken" not in page
        return page["value"]

    def instances(self) -> list[dict[str, Any]]:
        """All orchestration instances of the host."""
        with urllib.request.urlopen(f"{self.url}/runtime/webhooks/durabletask/instances", timeout=20) as answer:
            return json.load(answer)

    def put(self, values: range) -> dict[str, int]:
        """Put UNIX times into the schedule's queue; the result maps message ids to values."""
        with contextlib.suppress(ResourceExistsError):
            self.queue.create_queue()
        return {str(self.queue.send_message(str(value)).id): value for value in values}

    def _is_ready(self) -> bool:
        assert self.process is not None
        found = _READY.search(self._output())
        if found:
            self.url = found[1]
            return True
        assert self.process.poll() is None, f"the host ended:\n{self._output()[-3000:]}"
        return False

    def _output(self) -> str:
        return self.log.read_text(errors="replace")

    def _lay_out(self, settings: dict[str, Any]) -> None:
        self.root.mkdir(parents=True)
        for name in _COPIED:
            shutil.copy(self._tree / name, self.root / name)
        for path in self._tree.iterdir():
            if path.name not in _LEFT_OUT and (path.suffix == ".py" or any(path.glob("*.py"))):
                (self.root / path.name).symlink_to(path)
        schedule = yaml.safe_load((self._tree / "schedules.yaml").read_text())["schedules"]["parity"]
        schedule = {**schedule, "source": {**schedule["source"], "queueName": self.name}, **settings}
        (self.root / "schedules.yaml").write_text(yaml.safe_dump({"schedules": {"parity": schedule}}))


def call(method: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON document of one HTTP call."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def wait_for(condition: Callable[[], object], seconds: float, otherwise: Callable[[], str]) -> None:
    """Return as soon as `condition` holds; fail with `otherwise` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.05)
