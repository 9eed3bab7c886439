"""A child process that handles messages for `isolated.py`: one after the other, as they come on standard input.

    python -m ebb.handlers.isolated_child handlers.parity:classify

Each message and each answer is a length and a pickle; so is what is said of effects meanwhile (`isolated_effects.py`).
What the handler prints goes to standard error. The child ends when its input does, even in the middle of a message:
nobody would take the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import pickle
import signal
import struct
import sys
import threading
import traceback
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import BinaryIO

from ebb.core.contract.handler import Handler
from ebb.core.errors import HandlerNotFoundError, PoisonMessage, RetryAfter
from ebb.core.message import Message
from ebb.core.refusals import Refusal, refusal_of
from ebb.handlers import load_handler
from ebb.handlers.isolated_effects import AskedEffects, Left, Reply, Want

LENGTH = struct.Struct(">I")
Answer = tuple[str, str, str, Refusal | None]


def main(name: str) -> None:
    """Handle messages with the handler `name` until standard input ends."""
    requests, answers = _own_pipes()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    waiting: SimpleQueue[Message] = SimpleQueue()
    sending = threading.Lock()  # a handler may report its progress from a thread of its own

    def send(said: Answer | Want | Left) -> None:
        text = pickle.dumps(said)
        with sending:
            answers.write(LENGTH.pack(len(text)) + text)
            answers.flush()

    effects = AskedEffects(send)
    threading.Thread(target=_read, args=(requests, waiting, effects), daemon=True).start()
    handler = _loaded(name)
    with asyncio.Runner() as runner:
        while True:
            message = waiting.get()
            message.report = lambda text: send(("progress", str(text), "", None))
            message.effects = effects
            send(_handled(runner, handler, message))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes to the parent, out of the way of the handler: it reads nothing, and prints to standard error."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _read(requests: BinaryIO, waiting: SimpleQueue[Message], effects: AskedEffects) -> None:
    while len(header := requests.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(header)
        said: Message | Reply = pickle.loads(requests.read(length))  # from the parent alone
        if isinstance(said, Reply):
            effects.replied(said)
        else:
            waiting.put(said)
    sys.stderr.flush()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        with contextlib.suppress(OSError):
            os.killpg(os.getpgrp(), signal.SIGKILL)  # with what the handler started
    os._exit(0)


def _loaded(name: str) -> Handler:
    try:
        return load_handler(name)
    except HandlerNotFoundError as error:  # the app has loaded it before: something differs between the two
        text = str(error)

        def refuse(message: Message) -> None:
            raise HandlerNotFoundError(text)

        return refuse


def _handled(runner: asyncio.Runner, handler: Handler, message: Message) -> Answer:
    try:
        result = handler(message)
        if inspect.isawaitable(result):
            runner.run(_awaited(result))
    except PoisonMessage as poison:
        return "poison", str(poison), "", None
    except BaseException as error:  # noqa: BLE001 - user code may raise anything; the parent says what becomes of it
        return "raised", _text_of(error), _trace_of(error), refusal_of(error, datetime.now(UTC))
    return "done", "", "", None


async def _awaited(result: object) -> None:
    assert inspect.isawaitable(result)
    await result


def _trace_of(error: BaseException) -> str:
    return "" if isinstance(error, RetryAfter) else "".join(traceback.format_exception(error))


def _text_of(error: BaseException) -> str:
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - user code again: its __str__
        text = "(its text cannot be read)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1])
