"""Handlers in child processes (`isolation: process`): what hangs is killed, and what crashes takes nothing along.

A child handles one message at a time, so its death names the message. Children are kept warm between executions for
IDLE_SECONDS; one that dies or is killed is replaced by the next call. The child's side is `isolated_child.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from weakref import WeakKeyDictionary

from ebb.core.contract.handler import Handler, IsolatedHandlerError
from ebb.core.errors import HandlerError, PoisonMessage
from ebb.core.message import Message
from ebb.core.refusals import Refusal
from ebb.handlers.isolated_effects import HeldEffects, Left, Reply, Want

IDLE_SECONDS = 60.0  # for which an unused child is kept
_LENGTH = struct.Struct(">I")
Answer = tuple[str, str, str, Refusal | None]


class HandlerDiedError(HandlerError):
    """The process of a handler ended while it worked."""


class _Traceback(Exception):  # noqa: N818 - it is none: it carries the text of one, to be shown as the cause
    def __str__(self) -> str:
        return f"\n{self.args[0].rstrip()}"


def isolated(name: str) -> Handler:
    """A handler that calls the one named `name` (`module:function`) in a child process; cancelling it kills the child.

    It raises what the handler raised, as IsolatedHandlerError, or PoisonMessage; HandlerDiedError if the child ended.
    """

    async def handle(message: Message) -> None:
        children = _children_here(name)
        child = await children.take()
        effects = HeldEffects(message.effects, child.say)
        try:
            answer = await child.call(message, effects)
        except BaseException:  # cancelled, or it has ended: nothing of it may go on
            await child.kill()
            raise
        else:
            children.give_back(child)
        finally:
            await effects.close()
        _raise(answer)

    return handle


class _Children:
    """The warm children for one handler, on one event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: deque[tuple[_Child, asyncio.TimerHandle]] = deque()
        self._holding: AsyncGenerator[None] | None = None

    async def take(self) -> _Child:
        while self._idle:
            child, expiry = self._idle.pop()  # the latest: the others may expire
            expiry.cancel()
            if child.process.returncode is None:
                return child
        if self._holding is None:
            self._holding = self._hold()
            await anext(self._holding)
        return await _Child.start(self._name)

    def give_back(self, child: _Child) -> None:
        expiry = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._expire, child)
        self._idle.append((child, expiry))

    async def _hold(self) -> AsyncGenerator[None]:
        """Never ends by itself: an event loop that ends closes the generators that are left, and this the children."""
        try:
            yield
        finally:
            while self._idle:
                child, expiry = self._idle.pop()
                expiry.cancel()
                await child.kill()

    def _expire(self, child: _Child) -> None:
        self._idle = deque(each for each in self._idle if each[0] is not child)
        child.end()


class _Child:
    """One child process; used by one call at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._requests, self._answers = process.stdin, process.stdout

    @classmethod
    async def start(cls, name: str) -> _Child:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ebb.handlers.isolated_child", name),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,  # so that what the handler started itself is killed with it
        )
        return cls(process)

    async def call(self, message: Message, effects: HeldEffects) -> Answer:
        """The answer of the child: ("done" | "poison" | "raised", text, traceback, when to come back).

        Args:
            effects: gets what the handler has to say of its effects meanwhile.

        Raises:
            HandlerDiedError: it has ended.
        """
        try:
            await self.say(replace(message, report=None, effects=None, receipt=""))
            while True:
                said = await self._said()
                if isinstance(said, Want | Left):
                    effects.heard(said)
                elif said[0] == "progress":
                    message.progress(said[1])
                else:
                    return said
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            status = await self.process.wait()
            how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
            raise HandlerDiedError(f"the handler ended its process ({how}) at this message") from error

    async def say(self, said: Message | Reply) -> None:
        """Send it to the child.

        Raises:
            ConnectionError: it has ended.
        """
        request = pickle.dumps(said)
        self._requests.write(_LENGTH.pack(len(request)) + request)
        await self._requests.drain()

    async def _said(self) -> Answer | Want | Left:
        (length,) = _LENGTH.unpack(await self._answers.readexactly(_LENGTH.size))
        return pickle.loads(await self._answers.readexactly(length))  # from our own child, on a pipe of our own

    def end(self) -> None:
        """Let it end: it does when nothing more can come."""
        self._requests.close()

    async def kill(self) -> None:
        """End it now, with all that it started; returns when it is gone."""
        self._requests.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        await self.process.wait()


def _raise(answer: Answer) -> None:
    kind, text, trace, refusal = answer
    if kind == "poison":
        raise PoisonMessage(text)
    if kind == "raised":
        raise IsolatedHandlerError(text, refusal) from _Traceback(trace)


_here: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Children]] = WeakKeyDictionary()


def _children_here(name: str) -> _Children:
    """The children for handler `name` that belong to the running event loop."""
    return _here.setdefault(asyncio.get_running_loop(), {}).setdefault(name, _Children(name))
