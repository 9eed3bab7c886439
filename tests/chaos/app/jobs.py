"""The handler of the fault scenarios: each message says what its handler does, and how often.

A body is JSON: {"n": number, "job": name, "seconds": duration, "times": so many tries do it; later ones do nothing}.
What cannot be read so is handled as it is, or refused as poison if its text begins with "refuse".
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import book

from ebb import Message, PoisonMessage

AT_WORK: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("AT_WORK", default={})  # noqa: B039 - never changed
_HEADROOM = 64 * 2**20  # bytes that the process may still take when memory runs out
_MOST = 600.0  # seconds that a handler hangs at most, should nobody end it


async def handle(message: Message) -> None:
    """Do what the message says; leaves its beginning and its end in the ledger."""
    order = _order(message)
    about = {"message": message.id, "number": order.get("n"), "tries": message.dequeue_count, **AT_WORK.get()}
    about["key"] = message.key
    book.note("begin", **about)
    outcome = "raised"
    try:
        if message.dequeue_count <= int(order.get("times", 10**6)):
            await _do(str(order.get("job", "well")), float(order.get("seconds", 0.0)))
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


async def _do(job: str, seconds: float) -> None:
    if job == "well":
        await asyncio.sleep(seconds)
    elif job == "stubborn":
        await _stubborn(seconds)
    else:
        _NOT_ASYNC[job](seconds)
        await asyncio.sleep(_MOST if job == "hang" else 0)


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
    "hang": lambda _: None,
    "raise": _raise,
    "poison": _refuse,
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
