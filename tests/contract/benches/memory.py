"""The bench of a queue in memory, whose clock the test steps."""

from __future__ import annotations

from ebb.core.contract.source import QueueSource
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.registry import KINDS
from tests.clocks import SteppedClock
from tests.contract.benches.bench import Bench


def memory_bench() -> Bench:
    clock = SteppedClock()
    broker = MemoryBroker(clock, create_missing=False)
    broker.create("contract")

    async def put(body: bytes) -> object:
        return broker.put("contract", body)

    async def poisoned() -> list[tuple[bytes, str]]:
        return [(each.body, each.reason) for each in broker.queues["contract"].poisoned]

    async def pass_time(seconds: float) -> None:
        clock.step(seconds)

    def another() -> QueueSource:
        return MemorySource(broker, "contract")

    missing = MemorySource(broker, "absent")
    return Bench(
        another(), put, poisoned, pass_time, missing, another, KINDS["memory"], tells_oldest=True, now=clock.now
    )
