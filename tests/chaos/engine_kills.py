"""What dies under the real Durable engine: host, Python worker or both at each moment, one host of two, storage.

Hosts of one world share a task hub here, as the instances of a function app do. Each has a machine name of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.chaos.host import Host
from tests.chaos.proxy import Fault
from tests.chaos.scenario import AFTER_KILL_REAL, AFTER_LOST_ANSWER, Scenario, add
from tests.chaos.stillness import stillness
from tests.chaos.world import World

HELD = 8.0  # seconds for which the request of the chosen moment is held, so that the kill falls into it
FROZEN = (65.0, 80.0)  # seconds, past every lease of the extension
AWAY, LONG_AWAY = 30.0, 75.0  # seconds for which storage is away; the extension gives an answer up after 45 s
JOB = 0.3  # seconds of a handler: some are always at work

MOMENTS: dict[str, tuple[Fault, ...]] = {  # the request that tells it; none: `_reach` knows it otherwise
    "start": (),
    "measure": (Fault("delay", service="queue", operation="peek"),),
    "fan-out": (
        Fault("delay", service="queue", side="durable", operation="put"),
        Fault("delay", operation="note.write"),
    ),
    "handler": (),
    "close": (Fault("delay", operation="history.write"), Fault("delay", operation="row.close")),
    "wait": (),
}
TWO_HOSTS = {  # long enough for an execution to see another one die, and to go on for it
    "hosts": 2,
    "settings": {"executionSlice": 20, "replicaTimeout": 180},
    "environment": {"AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions": "2"},
}


def killed(kill: Callable[[Host], None]) -> Callable[[World], None]:
    """The round in which `kill` meets the only host; each round at another moment."""

    def play(world: World) -> None:
        moment = list(MOMENTS)[world.rounds % len(MOMENTS)]
        _reach(world, moment)
        with world.broken(f"kill at {moment}", world.host):
            kill(world.host)
            world.proxy.disarm()
            world.feed(10, seconds=JOB)
            world.sleep(0, 1)
        world.host.start()

    return play


def one_of_two_is_killed(world: World) -> None:
    """Both work, one dies with its worker and stays away for up to a minute and more."""
    victim = _both_at_work(world)
    with world.broken("kill", victim):
        victim.kill_all()
    world.feed(20, seconds=JOB)
    world.sleep(0, 75)
    victim.start()


def one_of_two_stands_still(world: World) -> None:
    """Both work, one is frozen past its leases, and goes on."""
    victim = _both_at_work(world)
    with world.broken("freeze", victim):
        victim.freeze()
        world.feed(20, seconds=JOB)
        world.sleep(*FROZEN)
    victim.thaw()


def storage_is_away(seconds: float) -> Callable[[World], None]:
    """Azurite ends in order while work is done, is away for so long, and comes back with its disk."""

    def play(world: World) -> None:
        world.feed(60, seconds=JOB)
        world.sleep(0.5, 2)
        with world.broken("storage away"):
            world.azurite.process.terminate()
            world.azurite.process.wait(30)
            time.sleep(seconds)
            world.azurite.revive()

    return play


def _reach(world: World, moment: str) -> None:
    """Return at that moment of a cycle that has work."""
    if moment == "start":
        world.host.call("POST", "schedules/s0/stop", {"reason": "to be started"})
        world.until(lambda: world.host.call("GET", "schedules/s0")[1].get("state") == "stopped", 30, "stop")
        world.feed(20, seconds=JOB)
        world.host.call("POST", "schedules/s0/start", {})
        world.sleep(0, 0.5)
    elif moment == "wait":
        world.sleep(1, 3)
    elif moment == "handler":
        world.feed(30, seconds=JOB)
        world.until_handled((world.numbers - 30 + world.random.randint(1, 20)) / world.numbers)
    else:
        told = replace(world.random.choice(MOMENTS[moment]), seconds=HELD, count=1, hits=[])
        told.skip = world.random.randint(0, 3) if told.side == "durable" else 0
        world.proxy.arm(told)
        world.feed(20, seconds=JOB)
        deadline = time.monotonic() + HELD
        while not told.hits and time.monotonic() < deadline:
            time.sleep(0.01)
        world.faults_missed += not told.hits


def _both_at_work(world: World) -> Host:
    """One of the hosts, once both have begun executions of this round."""
    before = len(world.record().executions)
    world.feed(240, seconds=1.0)  # the first of them are met by a cycle of one execution
    try:
        world.until(lambda: len({each.host for each in world.record().executions[before:]}) == 2, 60, "sharing")
    except TimeoutError:
        world.faults_missed += 1
    return world.random.choice(world.hosts)


def _add(name: str, play: Callable[[World], None], rounds: int, **more: object) -> None:
    measure = {"measure": stillness, "recovers_in": AFTER_KILL_REAL}
    add(Scenario(name, play, rounds=rounds, real_only=True, **{**measure, **more}))


_add("engine-host", killed(Host.kill), 24)
_add("engine-worker", killed(Host.kill_workers), 18)
_add("engine-both", killed(Host.kill_all), 24)
_add("engine-two-kill", one_of_two_is_killed, 16, world=TWO_HOSTS)
_add("engine-two-freeze", one_of_two_stands_still, 10, world=TWO_HOSTS)
add(Scenario("engine-storage", storage_is_away(AWAY), AFTER_LOST_ANSWER, rounds=8, real_only=True))
add(Scenario("engine-storage-long", storage_is_away(LONG_AWAY), AFTER_LOST_ANSWER, rounds=4, real_only=True))
