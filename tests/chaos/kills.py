"""Hosts that die: killed at any moment, in a chosen phase, again and again, or asked to end."""

from __future__ import annotations

import time

from tests.chaos.checker import Violation
from tests.chaos.proxy import Fault
from tests.chaos.scenario import AFTER_KILL, Scenario, add
from tests.chaos.world import World

PHASES = ("row.idle", "row.work", "note.write", "receive", "delete", "note.delete", "history.write", "row.close")
_HELD = 5.0  # seconds for which a request of the chosen phase is held, so that the kill falls into it


def kill_at_work(world: World) -> None:
    """SIGKILL at a random moment of a drain; the host is started again within a second."""
    world.feed(world.random.randint(10, 50))
    world.sleep(0, 1.5)
    _kill_and_start(world)


def kill_in_phase(world: World) -> None:
    """SIGKILL while the request of one phase is on its way."""
    phase = world.random.choice(PHASES)
    fault = Fault("delay", operation=phase, seconds=_HELD, count=1, skip=world.random.randint(0, 1))
    world.proxy.arm(fault)
    world.feed(world.random.randint(10, 40))
    deadline = time.monotonic() + _HELD
    while not fault.hits and time.monotonic() < deadline:
        time.sleep(0.01)
    world.faults_missed += not fault.hits
    _kill_and_start(world)
    world.proxy.disarm()


def kill_again_and_again(world: World) -> None:
    """Three kills in a row, each soon after work has begun again."""
    world.feed(40)
    for _ in range(3):
        world.sleep(0.1, 0.8)
        _kill_and_start(world)


def kill_idle(world: World) -> None:
    """SIGKILL while nothing is to do, and messages come while it is away."""
    world.sleep(0.5, 2.0)
    _kill_and_start(world)


def terminate_at_work(world: World) -> None:
    """SIGTERM at a random moment: it ends by itself, with status 0."""
    world.feed(world.random.randint(10, 50), seconds=world.random.choice((0.03, 0.4)))
    world.sleep(0, 1.5)
    with world.broken("terminate", world.host):
        status = world.host.terminate()
        world.feed(10)
    world.host.start()
    if status != 0:
        world.remarks.append(Violation("exit", f"SIGTERM ended the host with status {status}"))


def _kill_and_start(world: World) -> None:
    with world.broken("kill", world.host):
        world.host.kill()
        world.feed(10)
        world.sleep(0, 1)
    world.host.start()


add(Scenario("kill", kill_at_work, AFTER_KILL, rounds=40))
add(Scenario("kill-phase", kill_in_phase, AFTER_KILL, rounds=40))
add(Scenario("kill-thrice", kill_again_and_again, AFTER_KILL))
add(Scenario("kill-idle", kill_idle, AFTER_KILL))
add(Scenario("term", terminate_at_work, AFTER_KILL, rounds=20))
