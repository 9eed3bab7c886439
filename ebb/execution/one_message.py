"""One message of an execution: handled, and then completed, given back or moved to the poison place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from ebb.core.clock import Clock
from ebb.core.contract.handler import ProgramFailedError
from ebb.core.contract.source import UNREADABLE
from ebb.core.errors import HandlerTimeoutError, LeaseLostError, PoisonMessage, RetryAfter, SourceError
from ebb.core.message import Message, Once, Unsure
from ebb.core.refusals import refusal_of
from ebb.core.retries import NextTry, next_try
from ebb.core.secrets import hide_secrets
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import clipped, duration
from ebb.execution.batches import BatchCalls
from ebb.execution.budget_gate import Gate, GateClosedError
from ebb.execution.error_texts import describe, kind_of, with_traceback
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.handler_calls import HandlerCalls
from ebb.execution.holding import NEVER, Held, Holding
from ebb.execution.suspicion import Suspicion

PROGRESS_LENGTH = 200  # characters of what a handler says of itself

_log = logging.getLogger("ebb.execution")


class OneMessage:
    """What an execution does with each message that it holds; counts the outcome in `report`."""

    def __init__(
        self,
        holding: Holding,
        calls: HandlerCalls | BatchCalls,
        settings: ScheduleSettings,
        clock: Clock,
        report: ExecutionReport,
        log: Mapping[str, object],
        on_handled: Callable[[], None],
        suspicion: Suspicion,
        on_source_error: Callable[[SourceError], None],
        effects: Callable[[str, Unsure], Once] | None = None,
        gate: Gate | None = None,
    ) -> None:
        """`on_handled` is called each time that a handler is done, before its message is settled."""
        self._holding, self._calls, self._settings = holding, calls, settings
        self._clock, self._report, self._log, self._on_handled = clock, report, log, on_handled
        self._suspicion, self._on_source_error, self._effects = suspicion, on_source_error, effects
        self._gate = gate
        # Where both limits are the same, that of the execution ends everything at once.
        self._limited = settings.handler_timeout < settings.replica_timeout
        wait = settings.batch.wait if settings.batch else 0.0  # a batch may be filling before its call begins
        self._limit = timedelta(seconds=settings.handler_timeout + wait)

    async def process(self, held: Held) -> None:
        """Handle and settle one message. A failure of the source is told to who made this; the message comes again."""
        try:
            message = held.message
            doubtful = message.properties or message.dequeue_count > self._settings.max_dequeue_count
            if doubtful and (unfit := await self._unfit(message)):
                self._report.count_error("unfit", unfit)
                held.settling = True
                await self._dead_letter(held, unfit)
                return
            await self._holding.assure(held)
            if held.alone:
                await self._suspicion.begin(message.id)
            failure = await (self._handle(held) if self._gate is None else self._within_budget(self._gate, held))
            if held.abandoned:
                return  # `give_up` has settled it
            held.settling = True
            if held.alone:
                await self._suspicion.end(message.id)
            await self._settle(held, failure)
        except GateClosedError:
            await self._give_back(held)
        except SourceError as error:
            self._lose(error)

    async def _within_budget(self, gate: Gate, held: Held) -> BaseException | None:
        """As `_handle`, once the budget of the downstream lets the message pass."""
        was_probe = await gate.enter()
        if held.lost:
            await gate.leave(False, None)
            raise LeaseLostError(f"message {held.message.id} was lost while it waited for its budget")
        failure: BaseException | None = None
        try:
            failure = await self._handle(held)
        finally:
            await gate.leave(was_probe, refusal_of(failure, self._clock.now()))
        return failure

    async def _give_back(self, held: Held) -> None:
        try:
            await self._holding.release(held, timedelta())
            self._report.released += 1
        except SourceError as error:
            self._lose(error)

    async def give_up(self, held: Held) -> None:
        """Settle a message whose handler does not end although it was told to."""
        try:
            self._report.in_hand.pop(id(held.message), None)
            self._count_handled(self._limit.total_seconds())
            if held.alone:
                await self._suspicion.end(held.message.id)
            await self._settle(held, self._timed_out())
        except SourceError as error:
            self._lose(error)

    def _lose(self, error: SourceError) -> None:
        self._report.lost += 1
        if isinstance(error, LeaseLostError):
            _log.warning("not settled: %s", error, extra=self._log)
        else:
            self._on_source_error(error)

    async def _settle(self, held: Held, failure: BaseException | None) -> None:
        if failure is None:
            await self._holding.complete(held)
            self._report.processed += 1
        elif isinstance(follows := self._after_failure(held.message, failure), str):
            await self._dead_letter(held, follows)
        else:
            await self._holding.release(held, timedelta(seconds=follows.seconds))
            self._report.failed += 1
            self._report.tried_again(self._clock.now() + timedelta(seconds=follows.seconds))

    async def _unfit(self, message: Message) -> str | None:
        """Why a message goes to the poison place without its handler being called."""
        if UNREADABLE in message.properties:
            return message.properties[UNREADABLE]
        limit = self._settings.max_dequeue_count
        if message.dequeue_count > limit and (tries := await self._suspicion.tries(message.id)):
            alone = f"; {tries} times nothing else was at work in its process" if tries > 1 else ""
            return (
                f"received {message.dequeue_count} times, more than maxDequeueCount ({limit}), and never settled: "
                f"its handler hung or ended the process{alone}"
            )
        return None

    async def _handle(self, held: Held) -> BaseException | None:
        """Call the handler; returns what it raised."""
        began = self._clock.now()
        if self._limited:
            held.deadline = began + self._limit
        held.message.effects = self._effects
        held.message.report, self._report.in_hand[id(held.message)] = self._progressed, began
        try:
            await self._calls(held.message)
        except BaseException as error:  # noqa: BLE001 - user code may raise anything, KeyboardInterrupt too; it is the outcome
            return self._failure(held, error)
        finally:
            held.deadline = NEVER
            self._report.in_hand.pop(id(held.message), None)
            if not held.abandoned:
                self._count_handled((self._clock.now() - began).total_seconds())
        return None

    def _failure(self, held: Held, error: BaseException) -> BaseException:
        """What the failure of a handler is: its own doing, or that of who cancelled it."""
        task = asyncio.current_task()
        if held.overdue and task is not None and task.uncancel() == 0:
            return self._timed_out()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise error  # the execution ends
        return error

    def _timed_out(self) -> HandlerTimeoutError:
        return HandlerTimeoutError(f"handlerTimeout ({self._settings.handler_timeout:g} s) is over")

    def _count_handled(self, seconds: float) -> None:
        self._report.service_seconds += seconds
        self._report.handled += 1
        self._on_handled()

    def _after_failure(self, message: Message, failure: BaseException) -> str | NextTry:
        """What becomes of a message whose handler raised: why it goes to the poison place, or when it comes again."""
        text, tries, limit = describe(failure), message.dequeue_count, self._settings.max_dequeue_count
        self._report.count_error(kind_of(failure), text)
        if isinstance(failure, PoisonMessage):
            self._tell(message, text)
            return text.removeprefix(f"{kind_of(failure)}: ")
        if tries >= limit:
            self._tell(message, text, failure)
            return f"failed {tries} times (maxDequeueCount {limit}), at last with {text}"
        refusal = refusal_of(failure, self._clock.now())
        follows = next_try(self._settings, tries, f"{message.id}/{tries}", refusal)
        shown = f"{text}; again in {duration(follows.seconds)} ({follows.why})"
        has_said_all = isinstance(failure, RetryAfter | ProgramFailedError)  # a traceback would be one of Ebb
        self._tell(message, shown, None if has_said_all else failure)
        return follows

    def _tell(self, message: Message, text: str, failure: BaseException | None = None) -> None:
        """Log what became of a try, with the traceback of `failure` where there is one."""
        shown = text if failure is None else with_traceback(text, failure)
        _log.warning("message %s, try %s: %s", message.id, message.dequeue_count, shown, extra=self._log)

    def _progressed(self, text: str) -> None:
        self._report.progress = clipped(hide_secrets(str(text)), PROGRESS_LENGTH)

    async def _dead_letter(self, held: Held, reason: str) -> None:
        await self._holding.dead_letter(held, reason)
        self._report.poisoned += 1
        _log.warning("message %s is poison: %s", held.message.id, reason, extra=self._log)
