"""Messages of few keys in a queue that knows none, and hosts that end: one message of a key at a time all the same."""

from __future__ import annotations

from tests.chaos.scenario import Scenario, add
from tests.chaos.world import World

KEYS = ("flood", "flood", "flood", "one", "two")
# Claims of a dead host are free after 30 s and this, and not after a minute.
ENVIRONMENT = {"EbbClockSkewSeconds": "1"}
SETTINGS = {"perKey": {"key": "customer"}, "queueLength": 1, "batchSize": 2}  # executions that meet in each key


def end_while_keys_are_held(world: World) -> None:
    """The host is asked to end, or killed every second time, while executions have claims."""
    feed(world, world.random.randint(15, 25))
    world.sleep(0.5, 2)
    kind = "kill" if world.rounds % 2 else "terminate"
    with world.broken(kind, world.host):
        if kind == "kill":
            world.host.kill()
        else:
            world.host.terminate()
        feed(world, 5)
    world.host.start()


def feed(world: World, count: int) -> None:
    """Put messages of random keys, most of one."""
    for _ in range(count):
        world.feed(1, seconds=0.2, customer=world.random.choice(KEYS))


add(
    Scenario(
        "keys",
        end_while_keys_are_held,
        world={"settings": SETTINGS, "environment": ENVIRONMENT},
        rounds=4,
    )
)
