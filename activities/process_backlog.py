"""Activity: one execution. Takes messages until there are none, its slice is over, or it may not go on."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import azure.durable_functions as df

from activities.checkin import has_silent_sibling
from activities.execution import ExecutionReport, run_execution
from activities.one_message import ERROR_LENGTH
from history.base import Intent, ScheduleRow, Working, update
from scheduler.clock import rfc3339
from scheduler.errors import EbbError, StoreError
from scheduler.fence import promise
from scheduler.names import PROCESS_BACKLOG
from scheduler.settings import ScheduleSettings
from scheduler.wording import clipped
from services import Services

logger = logging.getLogger(__name__)


def blueprint(services: Services) -> df.Blueprint:
    """The activity, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name(PROCESS_BACKLOG)
    @bp.activity_trigger(input_name="order")
    async def process_backlog(order: dict) -> dict:  # plain: the Functions worker refuses dict[str, Any]
        return await execute(services, order)

    return bp


async def execute(services: Services, order: dict[str, Any]) -> dict[str, Any]:
    """Run one execution.

    Args:
        order: {"schedule", "cycle", "index", "owner", "launch", "settings"}, and "source", its number, where there are
            several.

    Returns:
        The Execution document: {"index", "startedAt", "endedAt", "outcome", "received", "processed", "failed",
        "poisoned", "serviceSeconds" (in handlers, together), "oldestMessageAge" (seconds, when received), "error"}, and
        "source" where the schedule has several.
        Expected failures are an outcome ("failed", "timedOut"), not an exception.
    """
    settings = ScheduleSettings.model_validate(order["settings"]).for_source(order.get("source", 0))
    started = services.clock.now()
    watch = FenceWatch(services, order, settings.replica_timeout)
    log = {"schedule": order["schedule"], "cycle": order["cycle"], "execution": order["index"]}
    try:
        report = ExecutionReport(ended="stopped")
        if await watch.enter() is None:
            handler = services.telemetry.timed(order["schedule"], services.handler(settings))
            async with services.source(settings, order["cycle"], order["index"]) as source:
                report = await run_execution(
                    source,
                    handler,
                    settings,
                    may_go_on=watch.reason_to_stop,
                    is_needed=watch.is_needed,
                    clock=services.clock,
                    log=log,
                )
        error = report.error
    except EbbError as fault:
        report, error = ExecutionReport(ended="failed"), str(fault)
    finally:
        await watch.leave()
    outcome = watch.outcome or {"failed": "failed", "timedOut": "timedOut"}.get(report.ended, "succeeded")
    logger.info("execution ended: %s, %s processed", outcome, report.processed, extra=log)
    document = {
        "index": order["index"],
        "startedAt": rfc3339(started),
        "endedAt": rfc3339(services.clock.now()),
        "outcome": outcome,
        "received": report.received,
        "processed": report.processed,
        "failed": report.failed,
        "poisoned": report.poisoned,
        "serviceSeconds": round(report.service_seconds, 6),
        "oldestMessageAge": report.oldest_message_age,
        "error": clipped(error, ERROR_LENGTH) if error else None,  # all of a cycle together are one payload of Durable
    }
    source_model = settings.all_sources[0]
    if order["settings"].get("sources"):
        document["source"] = source_model.label()
    services.telemetry.execution_ended(log, document, getattr(source_model, "type", "source"), source_model.label())
    return document


class FenceWatch:
    """Looks at the row for one execution: may it take messages still?"""

    def __init__(self, services: Services, order: Mapping[str, Any], longest: float) -> None:
        """Watch for the owner that `order` names; `longest` is how many seconds the execution may run."""
        self._services, self._schedule, self._owner = services, str(order["schedule"]), str(order["owner"])
        self._launch, self._longest = int(order.get("launch", 0)), longest
        now, run = services.clock.now(), uuid.uuid4().hex
        until = promise(now, longest)
        self._working = Working(self._owner, int(order["cycle"]), int(order["index"]), run, until, now)
        self._lease_until: datetime | None = None
        self.outcome: str | None = None  # "stopped" or "fenceLost" once it may not go on

    async def enter(self) -> str | None:
        """Note that this execution is at work, and let the lease cover it: it may begin long after its cycle.

        The note comes first and the look at the row second, so that a successor that found no note is seen here.

        Returns:
            Why it must not begin; None where it may.
        """
        await self._services.store.begin_execution(self._schedule, self._working)
        now = self._services.clock.now()
        end = promise(now, self._longest)
        enough = now + timedelta(seconds=self._longest)

        def renew(row: ScheduleRow) -> ScheduleRow:
            covered = row.working_until is not None and row.working_until >= enough
            if row.owner != self._owner or 0 < self._launch < row.launch or covered:
                return row
            return replace(row, owner_until=end, working_until=end)

        return self._look(await update(self._services.store, self._schedule, renew))

    async def leave(self) -> None:
        """Forget the note: a successor need not wait any longer. Without it, it waits until the lease is over."""
        try:
            await self._services.store.end_execution(self._schedule, self._working)
        except StoreError as error:
            logger.warning("%s: the end of an execution was not noted: %s", self._schedule, error)

    async def reason_to_stop(self) -> str | None:
        """Why the execution may not go on; None where it may.

        A store that is away is no reason while the lease read last still holds. Says first that it is at work, as
        `enter` does.
        """
        try:
            self._working = replace(self._working, beat=self._services.clock.now())
            await self._services.store.begin_execution(self._schedule, self._working)
            return self._look(await self._services.store.get(self._schedule))
        except StoreError as error:
            if self._lease_until is not None and self._services.clock.now() < self._lease_until:
                return None
            self.outcome = "fenceLost"
            return f"the fence cannot be renewed: {error}"

    async def is_needed(self) -> bool:
        """Whether the cycle cannot end yet, because another execution of it has fallen silent."""
        try:
            noted = await self._services.store.executions(self._schedule)
        except StoreError as error:
            logger.warning("%s: the other executions were not looked at: %s", self._schedule, error)
            return False
        return has_silent_sibling(self._working, noted, self._services.clock.now())

    def _look(self, row: ScheduleRow) -> str | None:
        self._lease_until = row.owner_until
        if row.owner != self._owner:
            self.outcome = "fenceLost"
            return f"another instance acts for this schedule: {row.owner}"
        if 0 < self._launch < row.launch:
            self.outcome = "fenceLost"
            return "the schedule was launched again since"
        if row.closed_cycle >= self._working.cycle or row.cycle > self._working.cycle:
            self.outcome = "fenceLost"
            return f"cycle {self._working.cycle} is closed: this is a late repetition of one of its executions"
        if row.intent is not Intent.RUNNING:
            self.outcome = "stopped"
            return f"{row.intent.value}: {row.reason}" if row.reason else row.intent.value
        return None
