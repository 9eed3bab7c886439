"""One execution, from its order to its document: under the fence, with the source and the handler that it names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import rfc3339, steady
from ebb.core.contract.handler import Handler
from ebb.core.contract.source import Source
from ebb.core.cycle_summary import outcome_of
from ebb.core.document import Json
from ebb.core.documents import ErrorCount, Execution
from ebb.core.errors import EbbError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import clipped
from ebb.execution.abandoned import note_abandoned
from ebb.execution.budget_gate import Gate
from ebb.execution.effects import Effects
from ebb.execution.error_texts import ERROR_LENGTH
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.fence_watch import FenceWatch
from ebb.execution.handler_output import logging_as
from ebb.execution.key_claims import KeyClaims
from ebb.execution.lanes_above import LanesAbove
from ebb.execution.program import run_program
from ebb.execution.progress import ProgressNote
from ebb.execution.single_run import single_run
from ebb.execution.suspicion import StoredSuspicion
from ebb.execution.turns import turns_here
from ebb.services import Services

logger = logging.getLogger(__name__)


async def execute(services: Services, order: Json) -> Json:
    """Run one execution; an order that is at work in this process already gets that run's answer.

    Args:
        order: {"schedule", "cycle", "index", "owner", "launch", "settings"}, and "source", its number, where there are
            several; "share", the number of this execution among those of its source, and how many they are.

    Returns:
        The Execution document. Expected failures are an outcome ("failed", "timedOut"), not an exception.
    """
    key = (order["schedule"], order.get("owner"), order["cycle"], order["index"])
    return await single_run(key, lambda: _execute(services, order))


async def _execute(services: Services, order: Json) -> Json:
    whole = ScheduleSettings.model_validate(order["settings"])
    settings = whole.for_source(order.get("source", 0))
    log = {"schedule": order["schedule"], "cycle": order["cycle"], "execution": order["index"]}
    source, telemetry = settings.all_sources[0], services.telemetry
    with telemetry.execution(log, order.get("owner"), source.type, source.label(), services.clock.now()) as span:
        execution = await _Run(services, order, whole, settings, log).run()
        logger.info("execution ended: %s, %s processed", execution.outcome, execution.processed, extra=log)
    telemetry.execution_ended(span, log["schedule"], execution)
    return execution.to_document()


@dataclass
class _Run:
    """One run of an execution."""

    services: Services
    order: Mapping[str, Any]
    whole: ScheduleSettings  # with all sources
    settings: ScheduleSettings  # with its own
    log: Mapping[str, Any]
    report: ExecutionReport = field(default_factory=ExecutionReport)

    async def run(self) -> Execution:
        """Work, and keep the note of it; the last word is written whatever happens."""
        clock = self.services.clock
        self._started = clock.now()
        self._watch = FenceWatch(self.services, self.order, self.settings.replica_timeout)
        note = ProgressNote(self.services.store, clock, str(self.order["schedule"]), self._watch.note, self._so_far)
        outcome, error, keeping = "failed", "it ended by an exception; the log has the cause", None
        patient = False  # where it is cancelled or fails, its host may be about to end
        try:
            if await self._watch.enter() is None:
                keeping = asyncio.create_task(note.keep())
                await self._work()
            outcome, error, patient = self._outcome(), self.report.error, True
        except EbbError as fault:
            error, patient = str(fault), True
            self.report.count_error(type(fault).__name__, clipped(error, ERROR_LENGTH))
        finally:
            if keeping is not None:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
            ended = self._document(clock.now(), outcome, error)
            await note.end(ended, patient=patient)
        return ended

    async def _work(self) -> None:
        schedule = str(self.order["schedule"])
        handler = self.services.telemetry.timed(schedule, self.services.handler_for(schedule, self.settings))
        number, of = self.order.get("share") or (0, 1)  # an orchestration of an older version says nothing
        async with self.services.source(
            self.settings, self.order["cycle"], self.order["index"], (number, of)
        ) as source:
            with logging_as(self.log):
                await self._run_in(source, handler, schedule)
        await note_abandoned(self.services.store, schedule, self.report.left_behind, self.services.clock)

    async def _run_in(self, source: Source, handler: Handler, schedule: str) -> None:
        reason_to_stop, clock = self._watch.reason_to_stop, self.services.clock
        if self.settings.command is not None and self.settings.command_per == "execution":
            await run_program(handler, self.settings.replica_timeout, reason_to_stop, clock, self.report)
        else:
            await run_execution(
                source,
                handler,
                self.settings,
                reason_to_stop=reason_to_stop,
                is_needed=self._watch.is_needed,
                makes_way=LanesAbove(self.services, self.whole, self.order, self._watch.note).want_its_place,
                clock=clock,
                log=self.log,
                report=self.report,
                turns=turns_here(),
                suspicion=self._suspicion(schedule),
                gate=self._gate(),
                claims=self._claims(schedule),
                effects=Effects(self.services.store, schedule, clock, timedelta(seconds=self.services.clock_skew)),
            )

    def _gate(self) -> Gate | None:
        budget, settings = self.settings.budget, self.settings
        if budget is None:
            return None
        holder = f"{self.order['schedule']}/{self._watch.note.run}"
        return Gate(self.services.store, budget, holder, settings.in_flight, self.services.clock)

    def _claims(self, schedule: str) -> KeyClaims | None:
        per_key, clock = self.settings.per_key, steady(self.services.clock)
        if per_key is None or per_key.key is None:  # the source gives a key of its own to one execution at a time
            return None
        skew = timedelta(seconds=self.services.clock_skew)
        return KeyClaims(self.services.store, schedule, str(self._watch.note.run), per_key.rate, clock, skew)

    def _suspicion(self, schedule: str) -> StoredSuspicion:
        lease = timedelta(seconds=self.settings.visibility_timeout)
        return StoredSuspicion(self.services.store, schedule, self._watch.note, lease, self.services.clock)

    def _outcome(self) -> str:
        if self._watch.outcome is not None:
            return self._watch.outcome
        if self.report.ended in ("failed", "timedOut"):
            return self.report.ended
        return outcome_of(self.report.processed, self.report.failed, self.report.poisoned)

    def _document(self, now: datetime, outcome: str | None, error: str | None) -> Execution:
        """The Execution document; with an outcome it is the last one."""
        report, sources = self.report, self.order["settings"].get("sources")
        began = min(report.in_hand.values(), default=None) if outcome is None else None
        parked_now, parked_since = report.parked_now(now)
        return Execution(
            index=int(self.order["index"]),
            started_at=rfc3339(self._started),
            ended_at=rfc3339(now) if outcome else None,
            outcome=outcome,
            broken=self._is_broken(outcome),
            received=report.received,
            processed=report.processed,
            failed=report.failed,
            poisoned=report.poisoned,
            parked=report.parked,
            parked_now=parked_now,
            parked_since=rfc3339(parked_since) if parked_since else None,
            abandoned=len(report.left_behind),
            service_seconds=round(report.service_seconds, 6),
            oldest_message_age=report.oldest_message_age,
            error=clipped(error, ERROR_LENGTH) if error else None,  # all of a cycle together are one payload of Durable
            errors=_classes(report.errors),
            source=self.settings.all_sources[0].label() if sources else None,
            next_try_at=rfc3339(report.next_try) if report.next_try else None,
            run=self._watch.note.run,
            progress=report.progress if outcome is None else None,
            current_message_age=round((now - began).total_seconds(), 3) if began else None,
        )

    def _is_broken(self, outcome: str | None) -> bool:
        """Whether the execution itself failed, not only its handlers."""
        if outcome is None or self._watch.outcome is not None:
            return False
        report = self.report
        return report.ended in ("failed", "timedOut") or (outcome == "failed" and not report.failed + report.poisoned)

    def _so_far(self, now: datetime) -> Execution:
        return self._document(now, None, self.report.error)


def _classes(errors: Mapping[str, list[Any]], most: int = 5) -> tuple[ErrorCount, ...]:
    """The errors by type, the most frequent first; short, for all of a cycle together are one payload of Durable."""
    ordered = sorted(errors.items(), key=lambda item: -int(item[1][0]))[:most]
    return tuple(ErrorCount(type=kind, count=count, example=clipped(text, 120)) for kind, (count, text) in ordered)
