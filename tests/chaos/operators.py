"""Operators at random: every verb of the API in any order, while messages are handled."""

from __future__ import annotations

from typing import Any

from tests.chaos.checker import Violation
from tests.chaos.scenario import AFTER_KILL, Scenario, add
from tests.chaos.world import World

EXPECTED = {200, 202, 409, 412}
VERBS: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("POST", "start", {}),
    ("POST", "start", {"reason": "again"}),
    ("POST", "stop", {"reason": "chance"}),
    ("POST", "stop", {"reason": "chance", "mode": "terminate"}),
    ("POST", "pause", {"reason": "chance"}),
    ("POST", "resume", {}),
    ("POST", "trigger", {}),
    ("PATCH", "settings", {"maxExecutions": 1}),
    ("PATCH", "settings", {"queueLength": 2, "concurrency": 2}),
    ("PATCH", "settings", {"executionSlice": 1}),
    ("DELETE", "settings", None),
)


def at_random(world: World) -> None:
    """A dozen verbs at random moments; at the end the schedule is asked to run as it did."""
    world.feed(20, seconds=0.1)
    with world.broken("operators"):  # a terminate gives nothing back, so messages come again
        for _ in range(12):
            method, verb, body = world.random.choice(VERBS)
            _ask(world, method, verb, body)
            world.feed(3, seconds=0.1)
            world.sleep(0, 0.4)
        _ask(world, "DELETE", "settings", None)
    world.start_schedules()
    _ask(world, "POST", "resume", {})


def terminate(world: World) -> None:
    """The instance is terminated in the middle of work and started again."""
    world.feed(30, seconds=0.2)
    world.sleep(0.2, 1)
    with world.broken("terminate"):
        _ask(world, "POST", "stop", {"reason": "chance", "mode": "terminate"})
        world.feed(10)
        world.sleep(0, 1)
    world.start_schedules()


def _ask(world: World, method: str, verb: str, body: dict[str, Any] | None) -> None:
    status, document = world.host.call(method, f"schedules/s0/{verb}", body)
    if status not in EXPECTED:
        told = document.get("detail", document)
        world.remarks.append(Violation("answer", f"{method} {verb} answered {status}: {told}"))


add(Scenario("operators", at_random, AFTER_KILL, rounds=20))
add(Scenario("terminate", terminate, AFTER_KILL, rounds=10))
