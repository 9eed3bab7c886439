"""The function app of the fault scenarios: the real one, with a clock that can be stepped and a record of executions.

Copied into the folder of each host. All that it changes is told by environment variables:

    EBB_CHAOS_LEDGER, EBB_CHAOS_HOST   where the record goes, and the host's name in it
    EBB_CHAOS_CLOCK                    a file with the number of seconds that the machine's clock is off by
    EBB_CHAOS_SLACK                    seconds of slack in a lease, for scenarios in which many leases have to lapse
    EBB_CHAOS_CLAIM                    seconds that a claim on an effect lasts, for those in which one has to lapse
    EBB_CHAOS_HOLD                     seconds for which poison messages are held while they are put back, likewise
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import book
import jobs

import ebb.core.row.fence
import ebb.execution.effects
import ebb.execution.process
import ebb.sources.storage_queue.poison
from composition import build_app
from ebb.core.clock import SystemClock
from ebb.services import Services

_run_execution = ebb.execution.process.run_execution


def offset() -> timedelta:
    """How much the clock is off by now."""
    try:
        return timedelta(seconds=float(Path(os.environ["EBB_CHAOS_CLOCK"]).read_text() or 0))
    except (KeyError, OSError, ValueError):
        return timedelta()


class SteppedClock(SystemClock):
    """The machine's clock as it would be after somebody set it."""

    def now(self) -> datetime:
        return super().now() + offset()


async def recorded(*arguments: Any, log: Any, reason_to_stop: Any, **more: Any) -> Any:
    """An execution that leaves its beginning and its end in the ledger, and tells its handlers who they work for."""
    owner = reason_to_stop.__self__._owner
    about = {"schedule": log["schedule"], "cycle": log["cycle"], "execution": log["execution"], "owner": owner}
    about["run"] = uuid.uuid4().hex[:12]
    token = jobs.AT_WORK.set(about)
    book.note("open", **about)
    report = None
    try:
        report = await _run_execution(*arguments, log=log, reason_to_stop=reason_to_stop, **more)
        return report
    finally:
        counts = {} if report is None else {"processed": report.processed, "poisoned": report.poisoned}
        book.note("close", **counts, **about)
        jobs.AT_WORK.reset(token)


ebb.execution.process.run_execution = recorded
if slack := os.environ.get("EBB_CHAOS_SLACK"):
    ebb.core.row.fence.CHECK_IN_SLACK = timedelta(seconds=float(slack))
if claim := os.environ.get("EBB_CHAOS_CLAIM"):
    ebb.execution.effects.EFFECT_CLAIM_LASTS = timedelta(seconds=float(claim))
if hold := os.environ.get("EBB_CHAOS_HOLD"):
    ebb.sources.storage_queue.poison.HOLD = timedelta(seconds=float(hold))
if "EBB_CHAOS_CLOCK" in os.environ:
    try:  # timers of the local host go by the machine's clock too; those of the real engine cannot be stepped from here
        import devhost.clock

        devhost.clock.RealClock.now = lambda _: datetime.now(UTC) + offset()
    except ImportError:
        pass

book.note("boot")
services = Services.from_environment(Path(__file__).parent, os.environ)
services.clock = SteppedClock()
app = build_app(services)
