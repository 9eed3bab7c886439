"""Handlers that misbehave: they raise, refuse, hang, block, swallow cancellation, end the process, take all memory."""

from __future__ import annotations

from typing import Any

from tests.chaos.scenario import Scenario, add
from tests.chaos.world import World

QUICK = {"replicaTimeout": 5, "executionSlice": 2, "maxDequeueCount": 4}


def misbehave(name: str, job: str, count: int, settings: dict[str, Any] | None = None, **order: Any) -> None:
    """Add the scenario in which `count` of each round's messages have that job, and 20 are well."""

    def play(world: World) -> None:
        with world.broken(f"handlers: {job}"):
            world.feed(10)
            for _ in range(count):
                world.feed(1, job, **order)
                world.feed(world.random.randint(0, 2))
            world.feed(10)
            world.drain()

    world = {"settings": {**QUICK, **(settings or {})}}
    add(Scenario(f"handler-{name}", play, world=world, rounds=5))


misbehave("raise", "raise", 10, times=2)
misbehave("raise-always", "raise", 5)
misbehave("refuse", "poison", 10)
misbehave("flood", "poison", 250)
misbehave("hang", "hang", 3, times=1)
misbehave("hang-always", "hang", 2, {"maxDequeueCount": 2})
misbehave("stubborn", "stubborn", 3, times=1, seconds=16.0)  # long beyond replicaTimeout
misbehave("thread", "stubborn", 3, {"handler": "jobs:handle_on_thread"}, times=1, seconds=16.0)
misbehave("block", "block", 2, times=1, seconds=6.0)  # longer than a lease and than replicaTimeout
misbehave("system-exit", "systemExit", 3, times=1)
misbehave("memory", "memory", 2, times=1)
misbehave("exit", "exit", 2, times=1)
misbehave("exit-always", "exit", 1)
