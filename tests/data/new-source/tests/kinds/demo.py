"""Lists under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ebb.core.contract.source import QueueSource
from ebb.sources.demo.source import DemoSource
from ebb.sources.memory.source import MemoryBroker
from ebb.sources.registry import KINDS
from tests.clocks import SteppedClock
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested


async def demo_bench(server: None, variant: str) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    lists = MemoryBroker(clock, create_missing=False)
    lists.create("contract")

    async def put(body: bytes) -> object:
        return lists.put("contract", body)

    async def poisoned() -> list[tuple[bytes, str]]:
        return [(each.body, each.reason) for each in lists.queues["contract"].poisoned]

    async def pass_time(seconds: float) -> None:
        clock.step(seconds)

    def another() -> QueueSource:
        return DemoSource(lists, "contract")

    missing = DemoSource(lists, "absent")
    yield Bench(another(), put, poisoned, pass_time, missing, another, KINDS["demo"], tells_oldest=True, now=clock.now)


TESTED = Tested(
    Place({"listName": "nowhere"}),
    bench=demo_bench,
    variants=("",),
    place=lambda server, name: Place({"listName": name}),
    without={"hints": "there is nothing to look at", "server": "it lies in the memory of the worker"},
)
