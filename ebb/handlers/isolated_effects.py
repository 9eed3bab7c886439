"""Effects that happen once (`message.once`) in child processes: the child asks over its pipe, the parent has the store.

    child                         parent
    Want(1, "7/charge", "skip")   claims it, and keeps the claim alive
                                  Reply(1, True)
    Left(1, None)                 completes it
                                  Reply(1, None)

A child that dies, or is killed, between the two leaves an effect of which nobody knows whether it happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from types import TracebackType

from ebb.core.errors import EbbError, HandlerError
from ebb.core.message import Always, Once, Unsure


@dataclass(frozen=True, slots=True)
class Want:
    """The child is about to have an effect."""

    number: int
    key: str
    unsure: Unsure


@dataclass(frozen=True, slots=True)
class Left:
    """The child has left the block of an effect; `error` is None where that was without one."""

    number: int
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the parent says to either: whether to have the effect, nothing, or the error to raise in the handler."""

    number: int
    value: bool | Exception | None


class AskedEffects:
    """The child's side: an effect is entered and left by asking the parent."""

    def __init__(self, send: Callable[[Want | Left], None]) -> None:
        """`send` takes something to the parent, from any thread."""
        self._send, self._numbers = send, count(1)
        self._waiting: dict[int, Future[bool | None]] = {}

    def __call__(self, key: str, unsure: Unsure) -> Once:
        """The effect `key`."""
        return _Asked(self, Want(next(self._numbers), key, unsure))

    def ask(self, said: Want | Left) -> Future[bool | None]:
        """Send it; the future gets the reply."""
        reply = self._waiting[said.number] = Future()
        self._send(said)
        return reply

    def tell(self, said: Left) -> None:
        """Send what needs no reply."""
        self._send(said)

    def replied(self, reply: Reply) -> None:
        """Hand on what the parent said."""
        waiting = self._waiting.pop(reply.number, None)
        if waiting is None:  # nobody waits for it any more
            return
        if isinstance(reply.value, Exception):
            waiting.set_exception(reply.value)
        else:
            waiting.set_result(reply.value)


class _Asked:
    """One effect in the child."""

    def __init__(self, effects: AskedEffects, want: Want) -> None:
        self._effects, self._want = effects, want

    def __enter__(self) -> bool:
        return bool(self._effects.ask(self._want).result())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._effects.ask(Left(self._want.number, None)).result()
        else:
            self._tell(error)

    async def __aenter__(self) -> bool:
        try:
            return bool(await asyncio.shield(asyncio.wrap_future(self._effects.ask(self._want))))
        except asyncio.CancelledError:
            self._tell(HandlerError("it was not entered"))
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await asyncio.shield(asyncio.wrap_future(self._effects.ask(Left(self._want.number, None))))
        else:
            self._tell(error)

    def _tell(self, error: BaseException) -> None:
        """That it was left with an error; its type may not be known to the parent, so only what it means is sent."""
        means = HandlerError("raised") if isinstance(error, Exception) else asyncio.CancelledError()
        self._effects.tell(Left(self._want.number, means))


class HeldEffects:
    """The parent's side, for one message in one child."""

    def __init__(
        self, effects: Callable[[str, Unsure], Once] | None, reply: Callable[[Reply], Awaitable[None]]
    ) -> None:
        """`effects` claims them in the store; None: there is none, and each is the first."""
        self._effects, self._reply = effects, reply
        self._leaving: dict[int, asyncio.Future[BaseException | None]] = {}
        self._held: dict[int, asyncio.Task[None]] = {}

    def heard(self, said: Want | Left) -> None:
        """Do what the child asks."""
        if isinstance(said, Left):
            leaving = self._leaving.get(said.number)  # None: of a message before, whose handler left a thread behind
            if leaving is not None and not leaving.done():  # an effect that was refused is over
                leaving.set_result(said.error)
            return
        self._leaving[said.number] = asyncio.get_running_loop().create_future()
        self._held[said.number] = asyncio.create_task(self._hold(said))

    async def close(self) -> None:
        """Finish what the child has left; of the rest nobody knows whether it happened."""
        for number, held in self._held.items():
            if not self._leaving[number].done():
                held.cancel()
        await asyncio.gather(*self._held.values(), return_exceptions=True)

    async def _hold(self, want: Want) -> None:
        leaving = self._leaving[want.number]
        try:
            async with self._effects(want.key, want.unsure) if self._effects else Always() as first:
                await self._say(Reply(want.number, first))
                error = await leaving
                if error is not None:
                    raise error
        except Exception as error:  # noqa: BLE001 - whatever it is, the handler is told
            if not leaving.done() or leaving.result() is None:
                told = error if isinstance(error, EbbError) else HandlerError(f"{type(error).__name__}: {error}")
                await self._say(Reply(want.number, told))
        else:
            await self._say(Reply(want.number, None))
        finally:
            if not leaving.done():
                leaving.set_result(None)

    async def _say(self, reply: Reply) -> None:
        with contextlib.suppress(ConnectionError):  # the child has ended; who waits for its answer is told
            await self._reply(reply)
