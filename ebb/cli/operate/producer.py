"""Puts messages into the place that a source reads from: all at once, or one after the other at some rate."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence

from ebb.core.settings.producer_rate import ProducerRate
from ebb.sources.feed import Feed

AT_ONCE = 16  # puts in flight


def unix_times(count: int) -> list[bytes]:
    """`count` consecutive ones, from anywhere, so that two feedings hardly ever share a value."""
    first = random.randrange(int(time.time()))
    return [str(first + number).encode() for number in range(count)]


async def put_all(feed: Feed, bodies: Sequence[bytes], before: Callable[[int], Awaitable[None]] | None = None) -> None:
    """Put all of them, in about their order.

    Args:
        before: is awaited with the number of those that are put next, at most AT_ONCE.

    Raises:
        SourceError: the place cannot be reached, or refuses.
    """
    for start in range(0, len(bodies), AT_ONCE):
        some = bodies[start : start + AT_ONCE]
        if before is not None:
            await before(len(some))
        await asyncio.gather(*map(feed.put, some))


async def produce(
    feed: Feed,
    rate: ProducerRate,
    bodies: Sequence[bytes] | None,
    count: int | None,
    told: Callable[[int], None],
) -> None:
    """Wait and put one message, again and again: the time as a UNIX time, or the next of `bodies`.

    Args:
        count: how many; None goes on until it is cancelled, or through `bodies` once.
        told: gets the number of messages put so far, after each.

    Raises:
        SourceError: the place cannot be reached, or refuses.
    """
    chance, number = random.Random(), 0
    most = len(bodies) if bodies is not None else count
    while most is None or number < most:
        await asyncio.sleep(rate.wait(chance))
        await feed.put(str(int(time.time())).encode() if bodies is None else bodies[number])
        number += 1
        told(number)
