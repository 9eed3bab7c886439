"""The emulator of Service Bus and Event Hubs as a process of its own, with a storage emulator for checkpoints."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from typing import Any

from bench.grounds.ground import storage_setting
from tests.azurite import Azurite, accepts, free_ports
from tests.emulators.amqp.server import KEY, KEY_NAME

PLACES = 100  # queues and hubs that the emulator has: two for each round


class Namespace(contextlib.ExitStack):
    """Both emulators. In a thread of this process they would wait for Python's lock, and be measured with it."""

    def __init__(self, partitions: int = 1) -> None:
        """`partitions` of each hub."""
        super().__init__()
        self._partitions = partitions

    def __enter__(self) -> Namespace:
        self._places = iter(range(PLACES))
        amqp, http = free_ports(2)
        queues = [f"--queue=bench-{number}" for number in range(PLACES)]
        hubs = [f"--hub=bench-hub-{number}:{self._partitions}" for number in range(PLACES)]
        command = [sys.executable, "-m", "tests.emulators.amqp.server", f"--amqp={amqp}", f"--http={http}"]
        process = subprocess.Popen([*command, *queues, *hubs], stdout=subprocess.DEVNULL)
        self.callback(process.wait)
        self.callback(process.terminate)
        while not (accepts(amqp) and accepts(http)):
            if process.poll() is not None:
                raise RuntimeError("the emulator did not start")
            time.sleep(0.05)
        self._management = f"http://127.0.0.1:{http}"
        text = f"Endpoint=sb://127.0.0.1:{amqp};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY}"
        text += ";UseDevelopmentEmulator=true"
        storage = storage_setting(self.enter_context(Azurite()))
        self.environment = {**storage, "AzureWebJobsServiceBus": text, "AzureWebJobsEventHub": text}
        return self

    def queue(self, _: str) -> dict[str, Any]:
        """A source on a queue that was not used yet."""
        name = f"bench-{next(self._places)}"
        return {"type": "serviceBus", "queueName": name, "managementEndpoint": self._management}

    def hub(self, name: str) -> dict[str, Any]:
        """A source on a hub that was not used yet."""
        return {"type": "eventHub", "eventHubName": f"bench-hub-{next(self._places)}", "blobContainer": name}
