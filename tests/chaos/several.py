"""Many schedules on one host, and two hosts on one store that are killed and frozen at random."""

from __future__ import annotations

import time

from tests.chaos.host import Host
from tests.chaos.scenario import AFTER_KILL, Scenario, add
from tests.chaos.world import World

# Leases of seconds, not of a minute, so that many of them lapse within a round.
SHORT_LEASES = {
    "EBB_CHAOS_SLACK": "1",
    "EbbClockSkewSeconds": "1",
    "EbbWatchdogSchedule": "* * * * * *",
    "EbbWatchdogGraceSeconds": "1",
}
TWO_HOSTS = {"hosts": 2, "environment": SHORT_LEASES, "settings": {"replicaTimeout": 5, "executionSlice": 2}}
AFTER_LEASE = 30.0  # seconds: replicaTimeout, slack, skew, grace, and the start of a host


def many_schedules(world: World) -> None:
    """Thirty schedules work, and their host is killed."""
    world.feed(len(world.names) * 4)
    world.sleep(0.2, 3)
    with world.broken("kill", world.host):
        world.host.kill()
        world.feed(len(world.names))
    world.host.start()


def duel_with_kills(world: World) -> None:
    """Two hosts of two task hubs act for one schedule; operators start it here and there, hosts are killed."""
    _duel(world, kills=True)


def duel_with_freezes(world: World) -> None:
    """The same, and hosts stand still for longer than their lease and then go on."""
    _duel(world, kills=False)


def _duel(world: World, *, kills: bool) -> None:
    before = len(world.record().executions)
    world.feed(40, seconds=0.15)
    for _ in range(3):
        host = world.random.choice(world.hosts)
        other = next(each for each in world.hosts if each is not host)
        if kills:
            with world.broken("kill", host):
                host.kill()
                _move(world, other, world.random.uniform(3, 14))
            host.start()
        else:
            with world.broken("freeze", host):
                host.freeze()
                _move(world, other, world.random.uniform(1, 14))
            host.thaw()
        world.feed(10, seconds=0.1)
        world.sleep(0, 1)
    world.start_schedules(world.random.choice(world.hosts))
    world.faults_missed += len({each.host for each in world.record().executions[before:]}) < len(world.hosts)


def _move(world: World, host: Host, seconds: float) -> None:
    """Operators want the schedule on this host and not on the other, and ask for it for some seconds."""
    deadline = time.monotonic() + seconds
    host.call("POST", "schedules/s0/stop", {"reason": "moved"})
    while time.monotonic() < deadline:
        world.sleep(0.1, 0.5)
        host.call("POST", "schedules/s0/start", {})


add(Scenario("schedules-30", many_schedules, AFTER_KILL, world={"schedules": 30}, rounds_per_world=4, rounds=4))
add(Scenario("duel-kill", duel_with_kills, AFTER_LEASE, world=TWO_HOSTS, rounds=15))
add(Scenario("duel-freeze", duel_with_freezes, AFTER_LEASE, world=TWO_HOSTS, rounds=15))
