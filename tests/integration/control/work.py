"""The handler of the control-plane tests: works as long as the message says, and tells who is at work."""

from __future__ import annotations

import asyncio

from ebb import Message

at_work: set[str] = set()  # ids of messages in hand


async def handle(message: Message) -> None:
    """Work for the number of seconds in the message's text."""
    at_work.add(message.id)
    try:
        await asyncio.sleep(float(message.text or 0))
    finally:
        at_work.discard(message.id)


def fail(message: Message) -> None:
    """Fail, whatever the message is."""
    raise ValueError("this job never works")


async def tell(message: Message) -> None:
    """As `handle`, and say how far it is."""
    message.progress("1 of 2 pages")
    await handle(message)
