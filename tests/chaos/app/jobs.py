"""The handler of the fault scenarios: each message says what its handler does, and how often.

A body is JSON: {"n": number, "job": name, "seconds": duration, "times": so many tries do it; later ones do nothing}.
Job `once-again` or `once-skip` has its effect in the middle of its time, as `message.once` allows it; `fix` is refused
until a file `fixed` stands beside the ledger.
What cannot be read so is handled as it is, or refused as poison if its text begins with "refuse".
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import resource
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import book

from ebb import Message, PoisonMessage

AT_WORK: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("AT_WORK", default={})  # noqa: B039 - never changed
_HEADROOM = 64 * 2**20  # bytes that the process may still take when memory runs out
_MOST = 600.0  # seconds that a handler hangs at most, should nobody end it
_OUTCOMES = {type(None): "done", RuntimeError: "raised", PoisonMessage: "refused"}


async def handle(message: Message) -> None:
    """Do what the message says; leaves its beginning and its end in the ledger."""
    order = _order(message)
    about = {"message": message.id, "number": order.get("n"), "tries": message.dequeue_count, **AT_WORK.get()}
    about["key"] = message.key
    book.note("begin", **about)
    outcome = "raised"
    try:
        if message.dequeue_count <= int(order.get("times", 10**6)):
            await _do(message, str(order.get("job", "well")), float(order.get("seconds", 0.0)))
        outcome = "done"
    except asyncio.CancelledError:
        outcome = "cancelled"
        raise
    except PoisonMessage:
        outcome = "refused"
        raise
    finally:
        book.note("end", outcome=outcome, **about)


def handle_on_thread(message: Message) -> None:
    """As `handle`, as a plain function: it runs on a thread that nobody can end."""
    asyncio.run(handle(message))


async def handle_batch(messages: list[Message]) -> list[BaseException | None]:
    """Work for the longest time that a message says, and answer for each what its job would raise."""
    orders, batch = [_order(message) for message in messages], uuid.uuid4().hex[:12]
    about = [
        {"message": message.id, "number": order.get("n"), "tries": message.dequeue_count, **AT_WORK.get()}
        for message, order in zip(messages, orders, strict=True)
    ]
    for each in about:
        book.note("begin", batch=batch, **each)
    answers: list[BaseException | None] = []
    try:
        await asyncio.sleep(max(float(order.get("seconds", 0.0)) for order in orders))
        answers = [_answer(message, order) for message, order in zip(messages, orders, strict=True)]
    finally:
        told = [_OUTCOMES[type(each)] for each in answers] or ["cancelled"] * len(about)
        for each, outcome in zip(about, told, strict=True):
            book.note("end", outcome=outcome, **each)
    return answers


def _answer(message: Message, order: dict[str, Any]) -> BaseException | None:
    if message.dequeue_count > int(order.get("times", 10**6)):
        return None
    try:
        _NOT_ASYNC[str(order.get("job", "well"))](0.0)
    except (RuntimeError, PoisonMessage) as error:
        return error
    return None


async def _do(message: Message, job: str, seconds: float) -> None:
    if job == "well":
        await asyncio.sleep(seconds)
    elif job.startswith("once-"):
        await _once(message, job.removeprefix("once-"), seconds / 2)
    elif job == "stubborn":
        await _stubborn(seconds)
    else:
        _NOT_ASYNC[job](seconds)
        await asyncio.sleep(_MOST if job == "hang" else 0)


async def _once(message: Message, unsure: Any, seconds: float) -> None:
    async with message.once("effect", unsure=unsure) as first:
        if first:
            await asyncio.sleep(seconds)
            book.note("effect", message=message.id, number=_order(message)["n"], unsure=unsure)
            await asyncio.sleep(seconds)


async def _stubborn(seconds: float) -> None:
    """Works for `seconds` and swallows each cancellation."""
    end = time.monotonic() + min(seconds, _MOST)
    while time.monotonic() < end:
        try:
            await asyncio.sleep(end - time.monotonic())
        except asyncio.CancelledError:
            continue


def _raise(_: float) -> None:
    raise RuntimeError("this message makes its handler raise")


def _refuse(_: float) -> None:
    raise PoisonMessage("this message is not wanted")


def _refuse_until_fixed(_: float) -> None:
    if not Path(os.environ[book.PATH]).with_name("fixed").exists():
        raise PoisonMessage("this message needs what is broken now")


def _leave(_: float) -> None:
    raise SystemExit(3)


def _run_out_of_memory(_: float) -> None:
    """Take memory until the process gets no more; what was taken is given back with the exception."""
    size = int(_pages()[0]) * os.sysconf("SC_PAGESIZE")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + _HEADROOM, hard))
    taken: list[bytes] = []
    try:
        while True:
            taken.append(bytes(2**20))
    finally:
        taken.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _pages() -> list[str]:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no allocation to spare for a Path
        return file.read().split()


_NOT_ASYNC: dict[str, Callable[[float], Any]] = {
    "well": lambda _: None,
    "hang": lambda _: None,
    "raise": _raise,
    "poison": _refuse,
    "fix": _refuse_until_fixed,
    "block": time.sleep,  # the event loop stands still
    "exit": lambda _: os._exit(7),
    "systemExit": _leave,
    "memory": _run_out_of_memory,
}


def _order(message: Message) -> dict[str, Any]:
    try:
        order = message.json()
    except ValueError:
        order = None
    if isinstance(order, dict):
        return order
    if message.body.startswith(b"refuse"):
        return {"job": "poison"}
    return {}
