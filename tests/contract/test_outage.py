"""Each source whose server is away for a while says so, and goes on with what was not done when it is back.

Servers that keep their messages over a kill are killed where the source's own tests are (`killed_in`). The others lose
theirs with their process, so here the way to them is cut, under messages in hand.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from ebb.core.errors import SourceUnavailableError
from ebb.sources.registry import KINDS, open_feed, open_source
from tests.kinds.registry import CUT, TESTED
from tests.kinds.tested import Cut

LEASE, SHORT = timedelta(seconds=30), timedelta(seconds=15)  # 15 s: the shortest lease of a blob


@pytest.mark.parametrize("kind", CUT)
async def test_source_goes_on_when_its_server_is_back(kind: str, request: pytest.FixtureRequest) -> None:
    tested = TESTED[kind]
    assert tested.cut is not None
    async with tested.cut(tested.server and request.getfixturevalue(tested.server)) as cut:
        await _goes_on(kind, cut)


async def _goes_on(kind: str, cut: Cut) -> None:
    settings, environment = cut.place.settings(kind), cut.place.environment
    feed = open_feed(settings, environment)
    assert feed is not None
    for text in (b"done", b"in hand", b"waits"):
        await feed.put(text)
    await feed.close()
    first: Any = open_source(settings, environment, cycle=1)
    done, held = [await _one(first, SHORT) for _ in range(2)]
    await first.complete(done)
    partitioned = KINDS[kind].partitioned
    if partitioned:
        await asyncio.sleep(1)  # what is done is written down a moment later
    await cut.away()
    with pytest.raises(SourceUnavailableError):
        await _until_noticed(first)
    if not partitioned:  # there it is written down later, and lost with its reader
        with pytest.raises(SourceUnavailableError):
            await first.complete(held)
    await first.close()
    await cut.back()
    again: Any = open_source(settings, environment, cycle=2)
    found: dict[bytes, int] = {}
    async with asyncio.timeout(100):
        while len(found) < 2:
            for message in await again.receive(10, LEASE):
                found[message.body] = message.dequeue_count
                await again.complete(message)
            await asyncio.sleep(0.2)
    await again.close()
    assert found.keys() == {b"done", b"in hand", b"waits"} - {done.body}
    assert found[held.body] == 2


async def _until_noticed(source: Any) -> None:
    """Receive until the source raises: what it had fetched before it may still give."""
    async with asyncio.timeout(60):
        while True:
            await source.receive(1, LEASE)
            await asyncio.sleep(0.05)


async def _one(source: Any, lease: timedelta) -> Any:
    (message,) = await source.receive(1, lease)
    return message
