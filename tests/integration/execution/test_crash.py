"""A handler that ends its process, on real storage: it alone goes to the poison queue, and says so by its reason."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite

ROOT = Path(__file__).parents[3]
HANDLER = """
import os, pathlib, time
from ebb import Message

def handle(message: Message) -> None:
    if message.text == "culprit":
        time.sleep(0.1)  # so that the others are at work too
        os._exit(9)
    time.sleep(0.3)
    with pathlib.Path(os.environ["LEDGER"]).open("a") as ledger:
        ledger.write(message.text + "\\n")
"""
PROGRAM = """
import asyncio, json, os, sys
from pathlib import Path
from ebb.execution.process import execute
from ebb.services import Services

async def main():
    services = Services.from_environment(Path(os.environ["APP"]), os.environ)
    order = {"schedule": "job", "cycle": int(sys.argv[1]), "index": 0, "owner": "hub/ebb-job/1",
             "settings": services.schedules["job"].to_document()}
    print(json.dumps(await execute(services, order)))

asyncio.run(main())
"""
SETTINGS = """
schedules:
  job:
    source: {{type: storageQueue, queueName: {queue}, messageEncoding: none}}
    handler: {module}:handle
    visibilityTimeout: 1
    maxDequeueCount: 3
    executionSlice: 2
    concurrency: 4
    batchSize: 8
    isolation: {isolation}
"""


@dataclass
class App:
    """A schedule on a queue of its own, whose executions run in processes of their own."""

    folder: Path
    environment: dict[str, str]
    queue: QueueClient
    poison: QueueClient

    def run(self, cycle: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, str(cycle)]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def handled(self) -> list[str]:
        ledger = Path(self.environment["LEDGER"])
        return ledger.read_text().split() if ledger.exists() else []


async def app_of(azurite: Azurite, folder: Path, isolation: str) -> App:
    queue, module = f"crash-{secrets.token_hex(6)}", f"crashing_{secrets.token_hex(4)}"
    (folder / f"{module}.py").write_text(HANDLER)
    (folder / "schedules.yaml").write_text(SETTINGS.format(queue=queue, module=module, isolation=isolation))
    prefix = f"C{secrets.token_hex(6)}"
    environment = {
        **os.environ,
        "APP": str(folder),
        "LEDGER": str(folder / "ledger.txt"),
        "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
        "AzureWebJobsStorage": azurite.connection_string,
        "EbbTablePrefix": prefix,
    }
    store = TableStore(resolve_connection("S", {"S": azurite.connection_string}), open_account, prefix)
    await store.save(ScheduleRow("job", Intent.RUNNING, owner="hub/ebb-job/1", owner_launch=1))
    await store.close()
    clients = [QueueClient.from_connection_string(azurite.connection_string, n) for n in (queue, f"{queue}-poison")]
    return App(folder, environment, *clients)


@pytest.mark.timeout(180)
async def test_repeated_crash_names_its_culprit_and_spares_the_others(azurite: Azurite, tmp_path: Path) -> None:
    app = await app_of(azurite, tmp_path, "none")
    with app.queue, app.poison:
        app.queue.create_queue()
        innocents = [f"innocent{number}" for number in range(6)]
        for text in (*innocents[:2], "culprit", *innocents[2:]):
            app.queue.send_message(text)
        crashes = 0
        for cycle in range(1, 25):
            crashes += app.run(cycle).returncode == 9
            if not app.queue.get_queue_properties().approximate_message_count:
                break
        assert set(app.handled) == set(innocents)
        (poisoned,) = app.poison.receive_messages(max_messages=32)
    envelope = json.loads(poisoned.content)
    assert envelope["body"] == "culprit"
    assert "nothing else was at work in its process" in envelope["reason"]
    assert crashes == 3


@pytest.mark.timeout(120)
async def test_isolated_handler_that_ends_its_process_ends_only_that(azurite: Azurite, tmp_path: Path) -> None:
    app = await app_of(azurite, tmp_path, "process")
    with app.queue, app.poison:
        app.queue.create_queue()
        innocents = [f"innocent{number}" for number in range(6)]
        for text in (*innocents[:2], "culprit", *innocents[2:]):
            app.queue.send_message(text)
        for cycle in range(1, 15):
            ended = app.run(cycle)
            assert ended.returncode == 0, ended.stderr
            if not app.queue.get_queue_properties().approximate_message_count:
                break
        assert sorted(app.handled) == innocents, "each once: nothing was taken along"
        (poisoned,) = app.poison.receive_messages(max_messages=32)
    reason = json.loads(poisoned.content)["reason"]
    assert "failed 3 times (maxDequeueCount 3), at last with HandlerDiedError" in reason
    assert "(with status 9) at this message" in reason
