"""Waits between the tries of a message, against the storage emulator: the queue itself keeps them."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import aiohttp
from aiohttp import web

from ebb import Message, Permanent, RetryAfter
from ebb.sources.storage_queue.client import Peek
from tests.azurite import Azurite
from tests.integration.execution.on_queue import OnQueue


async def test_queue_keeps_a_message_back_for_longer_after_each_try(azurite: Azurite) -> None:
    work = OnQueue(azurite, retry={"initial": 1, "factor": 2, "jitter": 0, "attempts": 3}, visibilityTimeout=30)
    await work.put("one")
    tries: list[float] = []

    def handler(message: Message) -> None:
        tries.append(time.monotonic())
        raise ValueError("not yet")

    end = time.monotonic() + 30
    while len(tries) < 3 and time.monotonic() < end:
        await work.run(handler)
        await asyncio.sleep(0.1)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert len(waits) == 2
    assert 0.9 <= waits[0] < 2
    assert 1.9 <= waits[1] < 3.5
    (poison,) = await work.poisoned()
    assert poison.reason == "failed 3 times (maxDequeueCount 3), at last with ValueError: not yet"


async def test_handler_and_server_say_when_and_a_permanent_failure_never_comes_again(azurite: Azurite) -> None:
    work = OnQueue(azurite, visibilityTimeout=1, retry={"initial": 1, "maximum": 60})
    await work.put("later", "throttled", "never")

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "40"})

    app = web.Application()
    app.router.add_get("/", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    async def handler(message: Message) -> None:
        if message.text == "later":
            raise RetryAfter(50, "the file is not complete")
        if message.text == "never":
            raise Permanent("no such customer")
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
            answer.raise_for_status()

    try:
        report = await work.run(handler)
    finally:
        await runner.cleanup()
    assert (report.failed, report.poisoned) == (2, 1)
    assert [poison.reason for poison in await work.poisoned()] == ["no such customer"]
    await asyncio.sleep(1.2)
    assert await work.queue.first_page() == Peek(0), "neither the lease nor `initial` brings them back"
    assert await work.queue.count_all() == 2
