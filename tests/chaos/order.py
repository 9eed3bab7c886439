"""Messages of few keys in a source that keeps their order, and hosts that die: the order is kept all the same."""

from __future__ import annotations

from tests.chaos.checker import WELL
from tests.chaos.scenario import AFTER_KILL, Scenario, add
from tests.chaos.world import World

KEYS = ("flood", "flood", "flood", "one", "two", "three")
# Executions that meet in the queue, and messages that fail come again soon.
SETTINGS = {"perKey": {}, "queueLength": 2, "retry": {"initial": 0.1, "factor": 1, "jitter": 0}}


def kill_within_keys(world: World) -> None:
    """SIGKILL while handlers work on several keys, some of whose messages fail at first or are poison."""
    before = len(world.record().handlings)
    for key in sorted(set(KEYS)):  # more than executions: a kill does not take the first try of all of them
        world.feed(1, "raise", key=key, times=1)
    feed(world, world.random.randint(20, 40))
    wanted = world.random.randint(2, 15)
    world.until(lambda: len(world.record().handlings) >= before + wanted, 60, "work")
    world.sleep(0, 0.3)
    with world.broken("kill", world.host):
        world.host.kill()
        feed(world, 6)
        world.sleep(0, 1)
    world.host.start()


def feed(world: World, count: int) -> None:
    """Put messages of random keys, most of one; one in six fails at its first try, one in twelve is poison."""
    for _ in range(count):
        job = world.random.choice((*[WELL] * 9, "raise", "raise", "poison"))
        tries = {"times": 1} if job == "raise" else {}
        world.feed(1, job, seconds=world.random.uniform(0.02, 0.2), key=world.random.choice(KEYS), **tries)


add(Scenario("order-kill", kill_within_keys, AFTER_KILL, world={"settings": SETTINGS, "sessions": True}))
