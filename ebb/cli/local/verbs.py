"""The verbs of a local run, for `ebb up` and for dev.py once its environment is there, and how a signal ends them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Coroutine
from typing import Any

from ebb.cli.local.errors import LocalError, UsageError
from ebb.cli.local.options import FeedOptions, Options
from ebb.cli.local.steps import SetUpError
from ebb.cli.local.terminal import complain
from ebb.cli.local.tools import find_tools
from ebb.cli.local.up import check, feed, up

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def run_up(options: Options) -> int:
    """Serve the app; the result is the exit status."""
    try:
        check(options)
        return asyncio.run(_until_signal(up(options, find_tools(os.environ)), serves=not options.once))
    except (LocalError, SetUpError) as error:
        return _failed(error)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        where = f"cannot write in {options.state}: {error.strerror}"
        return _failed(LocalError(f"{where}; make room there, or choose another folder with --state"))


def run_feed(options: FeedOptions) -> int:
    """Put messages into the queue of a schedule that `up` serves; the result is the exit status."""
    try:
        return asyncio.run(_until_signal(feed(options), serves=False))
    except LocalError as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    complain(str(error))
    return 2 if isinstance(error, UsageError) else 1


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
