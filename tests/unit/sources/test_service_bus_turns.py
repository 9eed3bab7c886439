"""Who receives and who settles: never both at once, and nobody waits for ever."""

from __future__ import annotations

import asyncio

from ebb.sources.service_bus.turns import ReceiverTurns


async def _rest() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_receive_waits_for_those_who_settle_and_goes_before_new_ones() -> None:
    turns, seen, leave = ReceiverTurns(), list[str](), asyncio.Event()

    async def settle(name: str) -> None:
        async with turns.settling():
            seen.append(name)
            await leave.wait()

    async def receive() -> None:
        async with turns.receiving():
            seen.append("receive")

    first = [asyncio.create_task(settle("a")), asyncio.create_task(settle("b"))]
    await _rest()
    assert seen == ["a", "b"]  # many settle at once
    others = [asyncio.create_task(receive())]
    await _rest()
    others.append(asyncio.create_task(settle("c")))
    await _rest()
    assert seen == ["a", "b"]
    leave.set()
    await asyncio.gather(*first, *others)
    assert seen == ["a", "b", "receive", "c"]


async def test_a_receive_that_is_cancelled_while_it_waits_holds_nobody_up() -> None:
    turns, leave = ReceiverTurns(), asyncio.Event()

    async def settle() -> None:
        async with turns.settling():
            await leave.wait()

    async def receive() -> None:
        async with turns.receiving():
            raise AssertionError("it never got its turn")

    settling, receiving = asyncio.create_task(settle()), asyncio.create_task(receive())
    await _rest()
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    async with asyncio.timeout(30), turns.settling():
        leave.set()
    await settling
