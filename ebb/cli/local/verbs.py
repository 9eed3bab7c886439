"""What `dev.py` does once the environment is there, and how a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

from ebb.cli.local.errors import LocalError
from ebb.cli.local.terminal import complain
from ebb.cli.local.up import feed, up


def run(options: argparse.Namespace) -> int:
    """Run the verb `up` or `feed`; the result is the exit status."""
    serves = options.verb == "up" and not options.once
    try:
        return asyncio.run(_until_signal(up(options) if options.verb == "up" else feed(options), serves))
    except LocalError as error:
        complain(str(error))
        return 1


async def _until_signal(work: Coroutine[Any, Any, int], serves: bool) -> int:
    """The result of `work`. The first signal cancels it, and further ones wait until it has cleaned up.

    Ctrl-C is how a server is meant to end, so that is status 0; any other end by signal is 128 + its number.
    """
    task = asyncio.ensure_future(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        if len(received) == 1:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    status = 1
    with contextlib.suppress(asyncio.CancelledError):
        status = await task
    if received:
        return 0 if serves and received[0] is signal.SIGINT else 128 + received[0]
    return status
