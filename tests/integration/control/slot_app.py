"""The function app of the interleaving test: this app with short times, a clock of its own, and a record of who acts.

Copied as `function_app.py` into each slot's folder. The record is one line when an execution begins and one when it
ends, with the fence's owner under which it acts, so that two owners at work at once are seen whatever the app says.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import ebb.core.row.fence
import ebb.core.row.watch
import ebb.execution.execution
import ebb.execution.process
from composition import build_app
from ebb.core.clock import SystemClock
from ebb.services import Services

RECORD = os.environ["EBB_TEST_RECORD"]
_run_execution = ebb.execution.process.run_execution


class WrongClock(SystemClock):
    """The machine's clock, off by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._off = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._off


def write(**line: Any) -> None:
    """Add a line, at once and whole, by the true time."""
    descriptor = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps({**line, "at": time.time(), "pid": os.getpid()}).encode() + b"\n")
    finally:
        os.close(descriptor)


async def recorded(*arguments: Any, reason_to_stop: Any, log: Any, **more: Any) -> Any:
    """An execution that leaves its beginning and its end in the record."""
    about = {**log, "owner": reason_to_stop.__self__._owner}
    write(event="began", **about)
    try:
        return await _run_execution(*arguments, reason_to_stop=reason_to_stop, log=log, **more)
    finally:
        write(event="ended", **about)


ebb.execution.process.run_execution = recorded
ebb.execution.execution.LOOK_EVERY = 0.3
ebb.core.row.fence.CHECK_IN_SLACK = timedelta(seconds=1)
ebb.core.row.watch.LONGEST_STEP = timedelta(seconds=1)
ebb.core.row.watch.FIRST_BACKOFF = timedelta(seconds=0.5)
ebb.core.row.watch.LONGEST_BACKOFF = timedelta(seconds=1)

services = Services.from_environment(Path(__file__).parent, os.environ)
services.clock = WrongClock(float(os.environ["EBB_TEST_CLOCK"]))
app = build_app(services)
