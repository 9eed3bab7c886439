"""The `start` command: runs a host until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from devhost.errors import StateError
from devhost.host import Host

_STATE_FILES = ("state.db", "state.db-wal", "state.db-shm", "holder.json")


def serve(options: argparse.Namespace) -> None:
    """Serve the app, and end the process: with status 0 after a clean stop, 1 when the host broke.

    Raises:
        DevhostError: the host could not start.
    """
    _log_to_stderr(verbose=options.verbose)
    state = options.state.resolve()
    if options.clean:
        forget(state)
    asyncio.run(_serve(options, state))


async def _serve(options: argparse.Namespace, state: Path) -> NoReturn:
    host = Host(options.script_root, state=state, port=options.port, grace_seconds=options.grace)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            os._exit(130)  # asked twice: the state file needs no farewell
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop)
    await host.start()
    _announce(host)
    assert host.broken is not None
    waiting = loop.create_task(stopping.wait())
    try:
        await asyncio.wait({waiting, host.broken}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        await host.stop()
    _end_process(1 if host.broken.done() and host.broken.exception() else 0)


def _end_process(status: int) -> NoReturn:
    """End at once: everything is stored, and Python would wait for threads of the app, which nobody can stop."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(status)


def _announce(host: Host) -> None:
    lines = ["", "Functions:"]
    urls = {endpoint.function.name: endpoint for endpoint in host.http_functions.endpoints}
    for function in sorted(host.functions.all, key=lambda one: one.name):
        endpoint = urls.get(function.name)
        if function.disabled:
            lines.append(f"  {function.name}: {function.kind} (disabled)")
        elif endpoint:
            verbs = ",".join(sorted(endpoint.methods)) or "any"
            lines.append(f"  {function.name}: [{verbs}] {host.url}/{endpoint.route.template}")
        else:
            lines.append(f"  {function.name}: {function.kind}")
    if host.resumed:
        lines.append(f"\nResumed {host.resumed} unfinished orchestrations.")
    lines.append(f"\nHost ready: {host.url}\n")
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()


def _log_to_stderr(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    logging.getLogger("azure").setLevel(logging.WARNING)
    logging.getLogger("devhost").setLevel(logging.DEBUG if verbose else logging.INFO)


def forget(state: Path) -> None:
    """Delete the state file in `state`.

    Raises:
        StateError: a file cannot be deleted.
    """
    for name in _STATE_FILES:
        try:
            (state / name).unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"cannot delete {state / name}: {error}") from error
