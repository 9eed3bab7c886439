"""The app itself: the local host as a child process, ready when it is entered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from ebb.cli.local.children import Child, child
from ebb.cli.local.errors import LocalError
from ebb.cli.local.state import StateFolder

_START_TIMEOUT = 60.0  # seconds
_STOP_GRACE = 12.0  # seconds; the host lets activities finish for 5 s first
_READY = re.compile(r"^Host ready: (http://\S+)", re.MULTILINE)


@contextlib.asynccontextmanager
async def host(state: StateFolder, port: int, connection: str, root: Path) -> AsyncIterator[Child]:
    """Run the app in `root` on `port` with `connection` as its storage; it has loaded when this is entered.

    Raises:
        LocalError: it ended or was not ready in time; the text shows the end of its log.
    """
    command = [sys.executable, "-m", "devhost", "start", "--port", str(port)]
    command += ["--script-root", str(root), "--state", str(state.path)]
    settings = {
        "AzureWebJobsStorage": connection,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "EBB_PARITY_LEDGER": str(state.ledger),
        "EbbLogContext": "on",
        "PYTHONUNBUFFERED": "1",
    }
    before = (
        state.host_log.stat().st_size if state.host_log.exists() else 0
    )  # of earlier runs: what is read is this one's
    async with child(
        "the app",
        command,
        log=state.host_log,
        folder=root,
        environment={**os.environ, **settings},
        grace=_STOP_GRACE,
        kept=True,
    ) as running:
        deadline = time.monotonic() + _START_TIMEOUT
        while not _READY.search(state.host_log.read_bytes()[before:].decode(errors="replace")):
            running.check()
            if time.monotonic() > deadline:
                raise LocalError(f"the app was not ready within {_START_TIMEOUT:g} s; see {running.log}")
            await asyncio.sleep(0.05)
        yield running
