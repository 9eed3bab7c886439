"""Handlers that get several messages at once.

For the rest of an execution a message is still one by itself: it has its lease, its turn, its time limit, its outcome.
Only the call is shared: a message that comes to be handled joins the batch that forms, which is called when it is full,
when its time to wait is over, or when no more will come. What the call raises counts for all of its messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from ebb.core.batch_answers import outcomes_of
from ebb.core.clock import Clock
from ebb.core.contract.handler import BatchHandler, Handler
from ebb.core.errors import HandlerTimeoutError
from ebb.core.message import Message
from ebb.core.settings.batch import BatchSettings
from ebb.execution.handler_calls import HandlerCalls

Outcome = BaseException | None


class _Batch:
    """Messages that one call gets, and who waits for the outcome of each."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.waiting: list[asyncio.Future[Outcome]] = []
        self.filling: asyncio.Task[None] | None = None  # ends with the time to wait
        self.call: asyncio.Task[None] | None = None
        self.was_ended = False  # the call was told to end, because a message's time was over

    def join(self, message: Message) -> asyncio.Future[Outcome]:
        self.messages.append(message)
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.waiting.append(outcome)
        return outcome

    def leave(self, message: Message) -> None:
        """Take out a message that nobody wants handled any more; the call has not begun."""
        place = next(place for place, each in enumerate(self.messages) if each is message)
        del self.messages[place], self.waiting[place]

    def resolve(self, outcomes: Sequence[Outcome]) -> None:
        for waiting, outcome in zip(self.waiting, outcomes, strict=True):
            if not waiting.done():
                waiting.set_result(outcome)


class BatchCalls:
    """Calls `handler` with batches; to who calls it, it looks as if each message were handled by itself."""

    def __init__(self, handler: Handler | BatchHandler, batch: BatchSettings, limit: float, clock: Clock) -> None:
        """`limit` is `handlerTimeout`, for what is said when it is over."""
        self._inner = HandlerCalls(cast("Handler", handler))
        self._size, self._wait, self._limit, self._clock = batch.size, batch.wait, limit, clock
        self.look_again = min(max(batch.wait / 4, 0.2), batch.wait)  # seconds, at a source that gave nothing
        self._forming: _Batch | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, message: Message) -> None:
        """Handle one message along with others; raises what its outcome is. Cancelling ends the call of all."""
        batch = self._forming = self._forming or _Batch()
        outcome = batch.join(message)
        if len(batch.messages) >= self._size:
            self.flush()
        elif batch.filling is None:
            batch.filling = asyncio.create_task(self._fill(batch))
        try:
            failure = await outcome
        except asyncio.CancelledError:
            await self._end(batch, message)
            raise
        if failure is not None:
            raise failure

    @property
    def is_forming(self) -> bool:
        """Whether a batch waits for more messages."""
        return self._forming is not None

    @property
    def left_behind(self) -> list[asyncio.Future[None]]:
        """Calls that still run although nobody waits for them any more."""
        return [*self._inner.left_behind, *(call for call in self._calls if not call.done())]

    def flush(self) -> None:
        """Call the handler with the batch that forms, however few it has."""
        batch, self._forming = self._forming, None
        if batch is None:
            return
        if batch.filling is not None:
            batch.filling.cancel()
        if not batch.messages:  # all of them were cancelled
            return
        batch.call = asyncio.create_task(self._run(batch))
        self._calls.add(batch.call)
        batch.call.add_done_callback(self._calls.discard)

    def close(self) -> None:
        """End what waits for more messages, and the threads that have nothing to do."""
        if self._forming is not None and self._forming.filling is not None:
            self._forming.filling.cancel()
        self._forming = None
        self._inner.close()

    async def _fill(self, batch: _Batch) -> None:
        await self._clock.sleep(self._wait)
        if self._forming is batch:
            batch.filling = None
            self.flush()

    async def _run(self, batch: _Batch) -> None:
        try:
            answer = await self._inner(cast("Message", batch.messages))
            outcomes = outcomes_of(answer, [message.id for message in batch.messages])
        except BaseException as error:  # noqa: BLE001 - user code may raise anything; it is the outcome of all
            timed_out = HandlerTimeoutError(f"handlerTimeout ({self._limit:g} s) is over")
            outcomes: list[Outcome] = [timed_out if batch.was_ended else error] * len(batch.messages)
        batch.resolve(outcomes)

    async def _end(self, batch: _Batch, message: Message) -> None:
        """Nobody waits for `message` any more: end the call that it is part of, with the others in it."""
        if batch.call is None:
            batch.leave(message)
            return
        batch.was_ended = True
        batch.call.cancel()
        await asyncio.wait({batch.call})
