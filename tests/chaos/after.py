"""A schedule that runs after another has drained (`after`), under kills: never out of its turn, and never forgotten."""

from __future__ import annotations

from tests.chaos.checker import WELL
from tests.chaos.scenario import Scenario, add
from tests.chaos.world import World


def kill_between(world: World) -> None:
    """Both have work, the second waits for the first; the host is killed while either works, or between the two.

    What the second has is put before what the first has: a drain of the first comes after it, so all is done at last.
    """
    first, second = world.names
    for _ in range(2):
        for name, count in ((second, 8), (first, 12)):
            for _ in range(count):
                world.feeders[name].put(world.number(), WELL, seconds=0.2)
        world.sleep(0.3, 4)
        with world.broken("kill", world.host):
            world.host.kill()
        world.host.start()


# How soon work goes on is what other kills are about: the second schedule waits for the first, whatever that waits for.
add(Scenario("after-kill", kill_between, world={"schedules": 2, "in_turn": True}))
