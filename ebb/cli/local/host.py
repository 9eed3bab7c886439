"""The app itself: the local host as a child process, ready when it is entered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ebb.cli.local.children import Child, child
from ebb.cli.local.errors import LocalError
from ebb.cli.local.state import StateFolder

_START_TIMEOUT = 60.0  # seconds
_STOP_GRACE = 12.0  # seconds; the host lets activities finish for 5 s first
_LISTING = re.compile(r"([a-z0-9]+_)?list_schedules")
_READY = re.compile(r"^Host ready: (http://\S+)", re.MULTILINE)

# What the live view asks for again and again; a call that failed is another matter.
_POLLING = re.compile(r"INFO devhost\.function: Execut(ing|ed) 'Functions\.(\w+_)?(get_schedule|list_cycles)'")


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
        "PYTHONUNBUFFERED": "1",
    }
    state.host_log.unlink(missing_ok=True)  # one run, one log: what is read below is this run's
    async with child(
        "the app",
        command,
        log=state.host_log,
        folder=root,
        environment={**os.environ, **settings},
        grace=_STOP_GRACE,
        noise=_POLLING,
    ) as running:
        deadline = time.monotonic() + _START_TIMEOUT
        while not _READY.search(state.host_log.read_text(errors="replace")):
            running.check()
            if time.monotonic() > deadline:
                raise LocalError(f"the app was not ready within {_START_TIMEOUT:g} s; see {running.log}")
            await asyncio.sleep(0.05)
        yield running


async def address_of_api(url: str) -> str:
    """The address of Ebb's API in the app at `url`, as the host lists its functions.

    Raises:
        LocalError: the app has no such functions.
    """
    functions = await asyncio.to_thread(_functions, url)
    for one in functions:
        template = str(one.get("invoke_url_template") or "")
        if _LISTING.fullmatch(one["name"]) and template.endswith("/schedules"):
            return template.removesuffix("/schedules")
    known = ", ".join(sorted(one["name"] for one in functions)) or "none"
    raise LocalError(f"the app has no function list_schedules: add Ebb by ebb init --into DIR; its functions: {known}")


def _functions(url: str) -> list[dict[str, Any]]:
    with urlopen(f"{url}/admin/functions", timeout=10) as answer:
        return json.load(answer)
