"""A host that serves the app of this folder, with storage of its own, and what is asked of its management API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from ebb.cli.local.engines import Engine
from tests.azurite import Azurite
from tests.e2e.harness import wait_for
from tests.engine.hosts import Host

APP = Path(__file__).parent
PATIENCE = 30.0  # seconds that an answer may take


class Asked:
    """Start its `host` before asking, and clean it up afterwards."""

    def __init__(self, engine: Engine, azurite: Azurite, folder: Path) -> None:
        """`folder` is for files."""
        self.folder = folder
        variables = {
            "AzureWebJobsStorage": azurite.connection_string,
            "AzureFunctionsJobHost__extensions__durableTask__hubName": f"ask{uuid.uuid4().hex[:10]}",
            "FUNCTIONS_WORKER_RUNTIME": "python",
        }
        self.host = Host(engine, APP, folder / "state", variables)

    def manage(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and document of a call; the document is None where the body is not JSON."""
        url = f"{self.host.url}/runtime/webhooks/durabletask/{path}"
        data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _json(error.read())

    def start(self, orchestrator: str, given: Any = None, instance: str | None = None) -> str:
        """Start an instance and wait until it runs or has ended; its id."""
        instance = instance or uuid.uuid4().hex
        status, document = self.manage("POST", f"orchestrators/{orchestrator}/{instance}", given)
        assert status == 202, document
        self.until(instance, "Running", "ContinuedAsNew", "Completed", "Failed")
        return instance

    def status(self, instance: str) -> dict[str, Any]:
        """The status document; empty where there is none."""
        return self.manage("GET", f"instances/{instance}")[1] or {}

    def until(self, instance: str, *wanted: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The status document once it has one of these statuses."""
        wait_for(
            lambda: self.status(instance).get("runtimeStatus") in wanted, seconds, lambda: str(self.status(instance))
        )
        return self.status(instance)

    def output(self, orchestrator: str, given: Any = None) -> Any:
        """What an instance gives."""
        return self.until(self.start(orchestrator, given), "Completed")["output"]

    def send(self, instance: str, name: str) -> int:
        """Raise an event; the status of the answer."""
        return self.manage("POST", f"instances/{instance}/raiseEvent/{name}", "x")[0]


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
