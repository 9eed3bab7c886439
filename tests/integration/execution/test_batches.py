"""Handlers that get several messages at once, against the storage emulator."""

from __future__ import annotations

import asyncio
import threading

from ebb import Message, PoisonMessage
from tests.azurite import Azurite
from tests.integration.execution.on_queue import OnQueue


async def test_batches_of_a_queue_are_answered_message_by_message(azurite: Azurite) -> None:
    work = OnQueue(azurite, batch={"size": 25, "wait": 0.5}, concurrency=2, retry={"initial": 60})
    await work.put(*map(str, range(110)))
    sizes, main = list[int](), threading.current_thread()

    def handler(messages: list[Message]) -> object:
        assert threading.current_thread() is not main
        sizes.append(len(messages))
        refused = {message.id: PoisonMessage("ends in 7") for message in messages if message.text.endswith("7")}
        return {**refused, **{message.id: "retry" for message in messages if message.text.endswith("9")}}

    report = await work.run(handler)
    assert (report.processed, report.poisoned, report.failed, report.lost) == (88, 11, 11, 0)
    assert sum(sizes) == 110
    assert max(sizes) == 25
    assert len(sizes) <= 7
    assert {poison.reason for poison in await work.poisoned()} == {"ends in 7"}
    assert await work.queue.count_all() == 11


async def test_leases_of_a_batch_outlive_a_slow_call(azurite: Azurite) -> None:
    work = OnQueue(azurite, batch={"size": 10, "wait": 0.2}, visibilityTimeout=2, concurrency=1)
    await work.put(*"abcdef")
    seen = list[int]()

    async def handler(messages: list[Message]) -> None:
        await asyncio.sleep(5)
        peeked = await work.queue.first_page()
        seen.append(peeked.count if peeked else 0)

    report = await work.run(handler)
    assert (report.processed, report.lost, report.failed) == (6, 0, 0)
    assert seen == [0]
