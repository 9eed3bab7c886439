"""Strict lanes under kills: the first lane has more than all executions can do, and the host is killed meanwhile."""

from __future__ import annotations

from tests.chaos.scenario import Scenario, add
from tests.chaos.world import World

# One execution, and cycles of a second: a lane that is passed over is passed over many times in a round.
ONE_AT_A_TIME = {"lanes": "strict", "maxExecutions": 1, "executionSlice": 1}


def kill_with_lanes(world: World) -> None:
    """Both lanes wait, the first for longer than the second may be passed over; the host is killed at work, twice."""
    world.feed_urgent(120, seconds=0.2)
    world.feed(20, seconds=0.2)
    for _ in range(2):
        world.sleep(1, 2.5)
        with world.broken("kill", world.host):
            world.host.kill()
        world.host.start()


# How soon work goes on is what other kills are about: with short slices it is mostly the time until a dead run is known
# to be silent.
add(Scenario("lanes-kill", kill_with_lanes, world={"settings": ONE_AT_A_TIME}, rounds=10))
