"""A budget that processes share through the emulator's tables: its rate holds although one of them is killed."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.azurite import Azurite
from tests.integration.execution.on_queue import OnQueue

ROOT = Path(__file__).parents[3]
RATE, MESSAGES = 20, 160
PROGRAM = """
import asyncio, os, sys, time
import ebb.sources
from ebb.core.clock import SystemClock
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.validation import validate_settings
from ebb.execution.budget_gate import Gate
from ebb.execution.execution import run_execution
from ebb.sources.registry import open_source
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore

queue, prefix, holder, ledger = sys.argv[1:]
settings = validate_settings({"source": {"type": "storageQueue", "queueName": queue, "messageEncoding": "none"},
                              "handler": "h:f", "budget": {"name": "crm", "rate": RATE}, "visibilityTimeout": 2,
                              "maxDequeueCount": 50, "executionSlice": 60})
book = open(ledger, "a", buffering=1)

async def handle(message):
    book.write(f"{time.time():.6f} {message.text}\\n")
    await asyncio.sleep(0.05)

async def go_on():
    return None

async def main():
    store = TableStore(resolve_connection("AzureWebJobsStorage", os.environ), open_account, prefix)
    source, clock = open_source(settings, os.environ), SystemClock()
    gate = Gate(store, settings.budget, holder, settings.in_flight, clock)
    await run_execution(source, handle, settings, reason_to_stop=go_on, clock=clock, gate=gate)
    await source.close()
    await store.close()

asyncio.run(main())
"""


@pytest.mark.timeout(120)
async def test_rate_holds_across_processes_one_of_which_is_killed(azurite: Azurite, tmp_path: Path) -> None:
    work, prefix, ledger = OnQueue(azurite), f"B{secrets.token_hex(6)}", tmp_path / "ledger"
    await work.put(*map(str, range(MESSAGES)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AzureWebJobsStorage": azurite.connection_string}
    program = PROGRAM.replace("RATE", str(RATE))

    async def start(holder: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-c", program, work.name, prefix, holder, str(ledger)]
        return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)

    processes = [await start(name) for name in ("a", "b", "c")]
    for _ in range(600):
        if ledger.exists() and len(ledger.read_text().splitlines()) >= 30:
            break
        await asyncio.sleep(0.05)
    processes[0].kill()
    processes.append(await start("d"))
    errors = [(await process.communicate())[1].decode()[-2000:] for process in processes]
    while await work.queue.count_all():  # what the killed one held
        process = await start("e")
        errors.append((await process.communicate())[1].decode()[-2000:])
    lines = [line.split() for line in ledger.read_text().splitlines()]
    assert {text for _, text in lines} == set(map(str, range(MESSAGES))), errors
    begun = sorted(float(moment) for moment, _ in lines)
    worst = max(
        last - first + 1 - RATE * (begun[last] - begun[first])
        for first in range(len(begun))
        for last in range(first, len(begun))
    )
    assert worst <= 1 + RATE, f"over the rate by {worst}"
    assert begun[-1] - begun[0] >= (MESSAGES - 1 - RATE) / RATE
