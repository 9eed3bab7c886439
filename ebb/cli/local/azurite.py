"""The storage emulator: Azurite on three ports of 127.0.0.1, its data on disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from ebb.cli.local.children import Child, child
from ebb.cli.local.errors import LocalError
from ebb.cli.local.ports import LOOPBACK, accepts, require_free
from ebb.cli.local.state import StateFolder
from ebb.cli.local.tools import Tools
from ebb.core.settings.connection import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY

SERVICES = ("blob", "queue", "table")  # on consecutive ports
WITHOUT_TELEMETRY = Path(__file__).with_name("without_telemetry.cjs")  # it starts in half the time
_DEFAULT_PORT = 10000
_START_TIMEOUT = 60.0  # seconds
_STOP_GRACE = 5.0  # seconds


def require_storage_ports(port: int) -> None:
    """Nothing if the three ports from `port` on are free.

    Raises:
        LocalError: one of them is taken; the text names it.
    """
    for offset, service in enumerate(SERVICES):
        require_free(port + offset, f"{service} storage", "--storage-port N (N, N+1 and N+2 are used)")


def connection_string(port: int) -> str:
    """What the app setting of a storage account says about the emulator whose blob service listens on `port`."""
    if port == _DEFAULT_PORT:
        return "UseDevelopmentStorage=true"
    endpoints = (
        f"{service.title()}Endpoint=http://{LOOPBACK}:{port + offset}/{DEVELOPMENT_ACCOUNT}"
        for offset, service in enumerate(SERVICES)
    )
    account = f"AccountName={DEVELOPMENT_ACCOUNT};AccountKey={DEVELOPMENT_KEY}"
    return ";".join(("DefaultEndpointsProtocol=http", account, *endpoints))


@contextlib.asynccontextmanager
async def azurite(state: StateFolder, port: int, tools: Tools) -> AsyncGenerator[Child]:
    """Run the emulator with its data in `state`; it answers on all ports when this is entered.

    Raises:
        LocalError: it ended or did not answer in time; the text shows the end of its log.
    """
    command = [str(tools.node), "--require", str(WITHOUT_TELEMETRY), str(tools.azurite), "--disableTelemetry"]
    command += ["--skipApiVersionCheck", "--silent"]
    command += ["--location", str(state.storage)]
    for offset, service in enumerate(SERVICES):
        command += [f"--{service}Host", LOOPBACK, f"--{service}Port", str(port + offset)]
    state.storage.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AZURITE_")}
    async with child(
        "Azurite",
        command,
        log=state.storage_log,
        folder=state.path,
        environment=environment,
        grace=_STOP_GRACE,
    ) as running:
        deadline = time.monotonic() + _START_TIMEOUT
        while silent := [offset for offset in range(len(SERVICES)) if not accepts(port + offset)]:
            running.check()
            if time.monotonic() > deadline:
                raise LocalError(
                    f"the {SERVICES[silent[0]]} service of Azurite does not listen on port {port + silent[0]} after "
                    f"{_START_TIMEOUT:g} s; see {running.log}, or choose other ports with --storage-port N"
                )
            await asyncio.sleep(0.05)
        running.check()
        yield running
