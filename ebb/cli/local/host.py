"""The app itself: its host as a child process, ready when it is entered."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ebb.cli.local.children import Child, child
from ebb.cli.local.engines import Engine
from ebb.cli.local.errors import LocalError
from ebb.cli.local.state import StateFolder

_START_TIMEOUT = 60.0  # seconds
_STOP_GRACE = 12.0  # seconds; the host lets activities finish for 5 s first
_LISTING = re.compile(r"([a-z0-9]+_)?list_schedules")


@contextlib.asynccontextmanager
async def host(engine: Engine, state: StateFolder, port: int, connection: str, root: Path) -> AsyncGenerator[Child]:
    """Run the app in `root` on `port` with `connection` as its storage; it has loaded when this is entered.

    Raises:
        LocalError: it ended or was not ready in time; the text shows the end of its log.
    """
    settings = {
        "AzureWebJobsStorage": connection,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "EBB_PARITY_LEDGER": str(state.ledger),
        "EbbLogContext": "on",
        "PYTHONUNBUFFERED": "1",
    }
    log = state.host_log(engine.name)
    before = log.stat().st_size if log.exists() else 0  # of earlier runs: what is read below is this one's
    async with child(
        "the app",
        engine.command(port, root, state.path),
        log=log,
        folder=root,
        environment={**os.environ, **engine.variables, **settings},
        grace=_STOP_GRACE,
        noise=engine.noise,
        kept=True,
        way_out=engine.way_out,
    ) as running:
        deadline = time.monotonic() + _START_TIMEOUT
        while not engine.ready.search(said := log.read_bytes()[before:].decode(errors="replace")):
            _check_start(running, engine, said)
            if time.monotonic() > deadline:
                raise LocalError(f"the app was not ready on {engine.name} within {_START_TIMEOUT:g} s; see {log}")
            await asyncio.sleep(0.05)
        yield running


async def address_of_api(url: str) -> str:
    """The address of Ebb's API in the app at `url`, as the host lists its functions.

    A host that keeps the list to itself serves an app without a prefix, or is asked in vain.

    Raises:
        LocalError: the app has no such functions.
    """
    try:
        functions = await asyncio.to_thread(_functions, url)
    except (OSError, ValueError):
        return f"{url}/api"
    for one in functions:
        template = str(one.get("invoke_url_template") or "")
        if _LISTING.fullmatch(one["name"]) and template.endswith("/schedules"):
            return template.removesuffix("/schedules")
    known = ", ".join(sorted(one["name"] for one in functions)) or "none"
    raise LocalError(f"the app has no function list_schedules: add Ebb by ebb init --into DIR; its functions: {known}")


def _functions(url: str) -> list[dict[str, Any]]:
    with urlopen(f"{url}/admin/functions", timeout=10) as answer:
        return json.load(answer)


def _check_start(running: Child, engine: Engine, said: str) -> None:
    """As `Child.check`; who was killed has no last words worth showing, who ended by itself has (.NET by SIGABRT)."""
    if running.killed_by in ("SIGKILL", "SIGTERM"):
        how = f"the app was ended by {running.killed_by}"
    elif _lost_its_worker(engine, said):
        how = "the app's Python was ended"
    else:
        running.check()
        return
    raise LocalError(
        f"{how} while it started on {engine.name}: run the command again; what it said until then is in {running.log}"
    )


def _lost_its_worker(engine: Engine, said: str) -> bool:
    """Whether the host ended for want of its Python, and nothing says why: an app that cannot be loaded says so."""
    lines = [line for line in said.splitlines() if line.strip() and not engine.noise.search(line)]
    return engine.worker_lost is not None and len(lines) == 1 and engine.worker_lost.search(lines[0]) is not None
