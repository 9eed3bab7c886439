"""Queues in memory under test; the test steps their clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from ebb.core.contract.source import QueueSource
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.registry import KINDS
from tests.clocks import SteppedClock
from tests.kinds.bench import Bench
from tests.kinds.tested import Place, Tested


def bench_on(
    broker: MemoryBroker, clock: SteppedClock, kind: str, source: Callable[[MemoryBroker, str], QueueSource]
) -> Bench:
    """The bench of a queue of `broker`, whose time is that of `clock`; `source` reads a queue of this name."""
    broker.create("contract")

    async def put(body: bytes) -> object:
        return broker.put("contract", body)

    async def poisoned() -> list[tuple[bytes, str]]:
        return [(each.body, each.reason) for each in broker.queues["contract"].poisoned]

    async def pass_time(seconds: float) -> None:
        clock.step(seconds)

    def another() -> QueueSource:
        return source(broker, "contract")

    missing = source(broker, "absent")
    return Bench(another(), put, poisoned, pass_time, missing, another, KINDS[kind], tells_oldest=True, now=clock.now)


async def memory_bench(server: None, variant: str) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    yield bench_on(MemoryBroker(clock, create_missing=False), clock, "memory", MemorySource)


TESTED = Tested(
    Place({}),
    bench=memory_bench,
    variants=("",),
    without={
        "table": "only tests and simulations read from it",
        "feed": "it lies in the memory of another process",
        "hints": "it lies in the memory of another process",
        "server": "it lies in the memory of the worker",
    },
)
