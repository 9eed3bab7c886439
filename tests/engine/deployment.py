"""One app of a test with a task hub, tables and a queue of its own, served by one or more hosts of one engine."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ebb.cli.acceptance.summary import Put, Summary, summarise
from ebb.cli.local.engines import Engine
from tests.azurite import Azurite
from tests.e2e.harness import App, wait_for
from tests.engine.hosts import Host

TIMES = {"visibilityTimeout": 5, "pollingInterval": 1, "maxPollingInterval": 2}


_SLOW = """
import time

from handlers.parity import classify as at_once


def classify(message):
    time.sleep(0.25)
    return at_once(message)
"""


class Deployment(App):
    """The app folder and its hosts. What `App` asks over HTTP is asked of the first host that lives."""

    def __init__(
        self, folder: Path, azurite: Azurite, engine: Engine, host_json: dict[str, Any], settings: dict[str, Any]
    ) -> None:
        """`host_json` goes over the `durableTask` part of host.json, `settings` over those of the sample schedule."""
        super().__init__(folder, azurite, settings)
        self.engine, self.hosts = engine, list[Host]()
        (self.root / "slow.py").write_text(_SLOW)  # for schedules with the handler slow:classify
        path = self.root / "host.json"
        document = json.loads(path.read_text())
        durable = document["extensions"]["durableTask"]
        durable["storageProvider"] |= host_json.pop("storageProvider", {})
        durable |= host_json
        path.write_text(json.dumps(document))
        self.variables = {
            "AzureWebJobsStorage": azurite.connection_string,
            "AzureFunctionsJobHost__extensions__durableTask__hubName": self.name,
            "EbbTablePrefix": self.name,
            "EBB_PARITY_LEDGER": str(self.ledger.path),
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "DEVHOST_HOLD_DEAD_WORK": "true",  # for as long as the extension does
        }

    def start(self) -> Deployment:
        """Run the first host."""
        self.add_host().start()
        return self

    def add_host(self) -> Host:
        """One more host of this app, not started yet."""
        host = Host(self.engine, self.root, self.state, self.variables)
        self.hosts.append(host)
        return host

    @property
    def host(self) -> Host:
        """The first host."""
        return self.hosts[0]

    def stop(self) -> None:
        """Leave nothing running."""
        for host in self.hosts:
            host.clean_up()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.url = next(host.url for host in self.hosts if host.is_answering)
        return super().call(method, path, body)

    def instances(self) -> list[dict[str, Any]]:
        self.url = next(host.url for host in self.hosts if host.is_answering)
        return super().instances()

    def incidents(self) -> list[dict[str, Any]]:
        """What the watchdog met, newest first."""
        return self.call("GET", "schedules/parity/events?kind=incident")[1].get("value", [])

    def raise_event(self, name: str, data: object) -> None:
        """Send an event to the instance over the host's own management API."""
        host = next(host for host in self.hosts if host.is_answering)
        url = f"{host.url}/runtime/webhooks/durabletask/instances/ebb-parity/raiseEvent/{name}"
        request = urllib.request.Request(url, json.dumps(data).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 202

    def said(self) -> str:
        """What all hosts have said, for the failure of a test."""
        return "\n".join(f"{host.machine}:\n{host.log()[-2500:]}" for host in self.hosts)

    def wait_handled(self, count: int, seconds: float) -> float:
        """Wait until the handler has written down so many messages; the result is how many seconds that took."""
        began = time.monotonic()
        wait_for(
            lambda: self.ledger.read() >= count, seconds, lambda: f"{self.ledger.read()} of {count}; {self.said()}"
        )
        return time.monotonic() - began

    def wait_rests(self, seconds: float = 30) -> None:
        """Wait until the latest cycle has ended."""
        wait_for(lambda: self.schedule()["phase"] == "waiting", seconds, lambda: str(self.schedule()))

    def wait_state(self, state: str, seconds: float = 30) -> None:
        """Wait until the schedule's state is `state`."""
        wait_for(lambda: self.schedule()["state"] == state, seconds, lambda: str(self.schedule()))

    def handled_right(self, put: dict[str, int]) -> set[str]:
        """Which of `put` the ledger has with the right answer."""
        self.ledger.read()
        return {each.id for each in self.ledger.entries if each.right and put.get(each.id) == each.value}

    def wait_all_right(self, put: dict[str, int], seconds: float) -> float:
        """Wait until all of `put` is handled with the right answer; the result is how long that took, in seconds."""
        began = time.monotonic()

        def left() -> str:
            return f"{len(put.keys() - self.handled_right(put))} missing; {self.said()}"

        wait_for(lambda: self.handled_right(put) == put.keys(), seconds, left)
        return time.monotonic() - began

    def account(self, put: dict[str, int]) -> Summary:
        """The account of all that was put, by the ledger and the history."""
        self.ledger.read()
        return summarise(Put(put), self.ledger.entries, self.cycles(), 0)


Deploy = Callable[..., Deployment]
