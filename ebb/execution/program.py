"""One execution that is a run of a program: it takes messages itself, so there is nothing to receive and to count."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

from ebb.core.clock import Clock
from ebb.core.contract.handler import Handler
from ebb.core.errors import HandlerError
from ebb.core.message import Message
from ebb.execution.execution import LOOK_EVERY
from ebb.execution.execution_report import ExecutionReport


async def run_program(
    handler: Handler,
    replica_timeout: float,
    reason_to_stop: Callable[[], Awaitable[str | None]],
    clock: Clock,
    report: ExecutionReport,
) -> ExecutionReport:
    """Run `handler` once, to its end or until it may not go on; a program that is at work when time is up is killed.

    Returns:
        `report`, without messages; a program that failed makes the execution a failed one, and its error says how.
    """
    began = clock.now()
    work = asyncio.ensure_future(cast("Awaitable[Any]", handler(Message("program", b""))))
    try:
        while not work.done():
            left = replica_timeout - (clock.now() - began).total_seconds()
            if left <= 0:
                report.ended = "timedOut"
                report.error = f"replicaTimeout ({replica_timeout:g} s) is over: the program was killed"
                return report
            look = asyncio.ensure_future(clock.sleep(min(LOOK_EVERY, left)))
            await asyncio.wait({work, look}, return_when=asyncio.FIRST_COMPLETED)
            look.cancel()
            if not work.done() and (reason := await reason_to_stop()):
                report.ended, report.reason = "stopped", reason
                return report
        work.result()
    except HandlerError as error:
        report.ended, report.error = "failed", str(error)
        report.count_error(type(error).__name__, str(error))
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, HandlerError):
            await work
        report.service_seconds = (clock.now() - began).total_seconds()
    return report
