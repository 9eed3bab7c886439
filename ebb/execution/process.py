"""One execution, from its order to its document: under the fence, with the source and the handler that it names."""

from __future__ import annotations

import logging
from typing import Any

from ebb.core.clock import rfc3339
from ebb.core.errors import EbbError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import clipped
from ebb.execution.execution import ExecutionReport, run_execution
from ebb.execution.fence_watch import FenceWatch
from ebb.execution.one_message import ERROR_LENGTH
from ebb.execution.program import run_program
from ebb.handlers import Handler
from ebb.services import Services
from ebb.sources.base import Source
from ebb.telemetry.handler_output import at_place

logger = logging.getLogger(__name__)


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
                with at_place(log):
                    report = await _work(source, handler, settings, watch, services, log)
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
    services.telemetry.execution_ended(log, document, source_model.type, source_model.label())
    return document


async def _work(
    source: Source,
    handler: Handler,
    settings: ScheduleSettings,
    watch: FenceWatch,
    services: Services,
    log: dict[str, Any],
) -> ExecutionReport:
    if settings.command is not None and settings.command_per == "execution":
        return await run_program(handler, settings.replica_timeout, watch.reason_to_stop, services.clock)
    may_go_on = watch.reason_to_stop
    return await run_execution(source, handler, settings, may_go_on=may_go_on, clock=services.clock, log=log)
