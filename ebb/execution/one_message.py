"""One message of an execution: handled, and then completed, given back or moved to the poison place."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from ebb import Message, PoisonMessage
from ebb.core.clock import Clock
from ebb.core.errors import LeaseLostError, SourceError
from ebb.core.secrets import hide_secrets, holds_secret
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import clipped
from ebb.execution.handler_calls import HandlerCalls
from ebb.sources.base import UNREADABLE
from ebb.sources.holding import Held, Holding

ERROR_LENGTH = 500  # characters of an error that are kept
PROGRESS_LENGTH = 200  # characters of what a handler says of itself

Ended = Literal["empty", "slice", "stopped", "timedOut", "failed"]

_log = logging.getLogger("ebb.execution")


@dataclass
class ExecutionReport:
    """What one execution did. Each message received is counted once more, by how it ended."""

    received: int = 0
    processed: int = 0  # handled, and removed from the source
    failed: int = 0  # the handler raised; it will be tried again
    poisoned: int = 0  # moved to the poison place
    released: int = 0  # given back before its handler had begun
    lost: int = 0  # not settled: its lease was lost, it hung, or the source was away; it will come again
    ended: Ended = "empty"
    reason: str | None = None  # in words, if it was stopped
    error: str | None = None  # the source's error if it failed, otherwise the first one of a handler
    handled: int = 0  # calls of handlers that have ended
    service_seconds: float = 0.0  # time spent in handlers, all together
    oldest_message_age: float | None = None  # seconds, when it was received
    errors: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])  # by type: how many, and an example
    progress: str | None = None  # what a handler last said of itself
    in_hand: dict[int, datetime] = field(default_factory=dict[int, datetime])  # since when each handler at work is

    def count_error(self, kind: str, text: str) -> None:
        """Count an error of `kind`; the first one is the example, and the execution's error."""
        self.error = self.error or text
        self.errors.setdefault(kind, [0, text])[0] += 1


class OneMessage:
    """What an execution does with each message that it holds; counts the outcome in `report`."""

    def __init__(
        self,
        holding: Holding,
        calls: HandlerCalls,
        settings: ScheduleSettings,
        clock: Clock,
        report: ExecutionReport,
        log: Mapping[str, object],
        on_handled: Callable[[], None],
    ) -> None:
        """`on_handled` is called each time that a handler is done, before its message is settled."""
        self._holding, self._calls, self._settings = holding, calls, settings
        self._clock, self._report, self._log, self._on_handled = clock, report, log, on_handled
        self._retry_delay = timedelta(seconds=settings.visibility_timeout)

    async def process(self, held: Held) -> None:
        """Handle and settle one message.

        Raises:
            SourceError: the source failed; the message comes again.
        """
        message, report = held.message, self._report
        try:
            if unfit := self._unfit(message):
                report.count_error("unfit", unfit)
                await self._dead_letter(held, unfit)
                return
            if held.lost:
                raise LeaseLostError(f"message {message.id} was lost before its handler began")
            failure = await self._handle(message)
            if failure is None:
                await self._holding.complete(held)
                report.processed += 1
            elif verdict := self._verdict(message, failure):
                await self._dead_letter(held, verdict)
            else:
                await self._holding.release(held, self._retry_delay)
                report.failed += 1
        except LeaseLostError as error:
            report.lost += 1
            _log.warning("not settled: %s", error, extra=self._log)
        except SourceError:
            report.lost += 1
            raise

    def _unfit(self, message: Message) -> str | None:
        """Why a message goes to the poison place without its handler being called."""
        if UNREADABLE in message.properties:
            return message.properties[UNREADABLE]
        limit = self._settings.max_dequeue_count
        if message.dequeue_count > limit:
            return (
                f"received {message.dequeue_count} times, more than maxDequeueCount ({limit}), and never settled: "
                "its handler hung or ended the process, or executions were stopped before it began"
            )
        return None

    async def _handle(self, message: Message) -> BaseException | None:
        """Call the handler; returns what it raised."""
        began = self._clock.now()
        message.report, self._report.in_hand[id(message)] = self._progressed, began
        try:
            await self._calls(message)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # the execution ends, it is not the handler's own doing
                raise
            return error
        except BaseException as error:  # noqa: BLE001 - user code may raise anything, KeyboardInterrupt too; it is the outcome
            return error
        finally:
            self._report.in_hand.pop(id(message), None)
            self._report.service_seconds += (self._clock.now() - began).total_seconds()
            self._report.handled += 1
            self._on_handled()
        return None

    def _verdict(self, message: Message, failure: BaseException) -> str | None:
        """Why a message whose handler raised goes to the poison place; None if it is to be tried again."""
        text = _describe(failure)
        self._report.count_error(type(failure).__name__, text)
        tries = message.dequeue_count
        more = {} if isinstance(failure, PoisonMessage) else _traceback(failure)
        _log.warning("message %s, try %s: %s", message.id, tries, text, extra=self._log, **more)
        if isinstance(failure, PoisonMessage):
            return _describe(failure).removeprefix("PoisonMessage: ")
        limit = self._settings.max_dequeue_count
        return f"failed {tries} times (maxDequeueCount {limit}), at last with {text}" if tries >= limit else None

    def _progressed(self, text: str) -> None:
        self._report.progress = clipped(hide_secrets(str(text)), PROGRESS_LENGTH)

    async def _dead_letter(self, held: Held, reason: str) -> None:
        await self._holding.dead_letter(held, reason)
        self._report.poisoned += 1
        _log.warning("message %s is poison: %s", held.message.id, reason, extra=self._log)


def _describe(error: BaseException) -> str:
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - user code again: its __str__
        text = "(its text cannot be read)"
    return hide_secrets(f"{type(error).__name__}: {text}")[:ERROR_LENGTH] if text else type(error).__name__


def _traceback(error: BaseException) -> dict[str, Any]:
    """What a log record takes for the traceback of `error`, unless that would show a secret."""
    shown = not holds_secret("".join(traceback.format_exception(error)))
    return {"exc_info": error} if shown else {}
