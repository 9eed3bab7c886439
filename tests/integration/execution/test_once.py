"""Effects that happen once, across processes that are killed: real processes, the emulator's queue and tables."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.connection import resolve_connection
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite
from tests.integration.execution.on_queue import OnQueue

ROOT = Path(__file__).parents[3]
HANDLER = """
import os, pathlib
from ebb import Message
LEDGER = pathlib.Path(os.environ["LEDGER"])

def handle(message: Message) -> None:
    with message.once("charge", unsure={unsure!r}) as first:
        if first:
            with LEDGER.open("a") as ledger:
                ledger.write(message.text + "\\n")
            if message.text == "between" and LEDGER.read_text().count("between") == 1:
                os._exit(9)                   # between the effect and its completion
    if message.text == "after" and first:
        os._exit(9)                           # after it, before the message is removed
"""
PROGRAM = """
import asyncio, os, sys
from pathlib import Path
import ebb.execution.effects, ebb.core.once
from datetime import timedelta
ebb.execution.effects.EFFECT_CLAIM_LASTS = timedelta(seconds=1)
from ebb.execution.process import execute
from ebb.services import Services

async def main():
    services = Services.from_environment(Path(os.environ["APP"]), os.environ)
    order = {"schedule": "job", "cycle": int(sys.argv[1]), "index": 0, "owner": "hub/ebb-job/1",
             "settings": services.schedules["job"].to_document()}
    await execute(services, order)

asyncio.run(main())
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("unsure", "between"), [("again", 2), ("skip", 1)])
async def test_effect_happens_once_although_its_process_is_killed(
    azurite: Azurite, tmp_path: Path, unsure: str, between: int
) -> None:
    work = OnQueue(azurite)
    module, prefix = f"once_{secrets.token_hex(4)}", f"O{secrets.token_hex(6)}"
    (tmp_path / f"{module}.py").write_text(HANDLER.replace("{unsure!r}", repr(unsure)))
    source = f"{{type: storageQueue, queueName: {work.name}, messageEncoding: none}}"
    (tmp_path / "schedules.yaml").write_text(
        f"schedules: {{job: {{source: {source}, handler: '{module}:handle', visibilityTimeout: 3, concurrency: 1, "
        "batchSize: 1, maxDequeueCount: 20, executionSlice: 3}}"
    )
    environment = {
        **os.environ,
        "APP": str(tmp_path),
        "LEDGER": str(tmp_path / "ledger"),
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
        "AzureWebJobsStorage": azurite.connection_string,
        "EbbTablePrefix": prefix,
        "EbbClockSkewSeconds": "0",
    }
    store = TableStore(resolve_connection("S", {"S": azurite.connection_string}), open_account, prefix)
    await store.save(ScheduleRow("job", Intent.RUNNING, owner="hub/ebb-job/1", owner_launch=1))
    await store.close()
    await work.put("plain", "after", "between")
    for cycle in range(1, 20):
        command = [sys.executable, "-c", PROGRAM, str(cycle)]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        await asyncio.wait_for(process.wait(), 60)
        if not await work.queue.count_all():
            break
    ledger = (tmp_path / "ledger").read_text().split()
    assert await work.queue.count_all() == 0
    assert (ledger.count("plain"), ledger.count("after"), ledger.count("between")) == (1, 1, between)
