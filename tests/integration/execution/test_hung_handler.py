"""A plain handler that never returns keeps neither its execution nor the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, threading
from ebb.execution.execution import run_execution
from ebb.core.clock import SystemClock
from ebb.core.settings.validation import validate_settings
from ebb.sources.memory.source import MemoryBroker, MemorySource

async def go_on():
    return None

async def main():
    broker = MemoryBroker()
    broker.put("work", "hangs")
    settings = validate_settings(
        {"source": {"type": "memory"}, "handler": "a:b", "replicaTimeout": 1, "executionSlice": 1}
    )
    return await run_execution(
        MemorySource(broker, "work"),
        lambda message: threading.Event().wait(),
        settings,
        reason_to_stop=go_on,
        clock=SystemClock(),
    )

report = asyncio.run(main())
print(report.ended, report.failed)
"""


def test_process_ends_although_a_handler_hangs() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=20
    )
    assert (ended.stdout.split(), ended.returncode) == (["timedOut", "1"], 0), ended.stderr
