"""Storage that fails: one operation spoiled by the proxy, a whole service away, or Azurite itself ended and back."""

from __future__ import annotations

import time
from dataclasses import replace

from azure.core.exceptions import ResourceExistsError

from tests.chaos.checker import Violation
from tests.chaos.proxy import Fault
from tests.chaos.scenario import AFTER_STORE, Scenario, add
from tests.chaos.world import World

WAYS = (  # how a request fails
    Fault("delay", seconds=1.5),
    Fault("reset"),
    Fault("status", status=429, retry_after=1),
    Fault("status", status=429),
    Fault("status", status=500),
    Fault("status", status=503, retry_after=1),
    Fault("status", status=503),
    Fault("lostReply"),
    Fault("cut"),
    Fault("blackHole"),
    Fault("swallow"),
)
_AWAY = ("reset", "blackHole", "swallow")
OUTAGES = tuple(way for way in WAYS if way.kind in _AWAY or (way.kind == "status" and way.status == 503))

WRITES = "row.[!r]*"  # of the row; a new world's first two make the table and write the start

# scenario: service, operation, the feed that leads to it
PHASES: dict[str, tuple[str, str, str]] = {
    "open": ("table", "row.work", "well"),
    "read": ("table", "row.read", "well"),
    "measure": ("queue", "peek", "well"),
    "receive": ("queue", "receive", "well"),
    "extend": ("queue", "extend", "slow"),
    "delete": ("queue", "delete", "well"),
    "retry": ("queue", "extend", "raise"),
    "poison": ("queue", "poison.put", "poison"),
    "note": ("table", "note.*", "well"),
    "history": ("table", "history.write", "well"),
    "close": ("table", "row.close", "well"),
    "renew": ("table", "row.idle", "nothing"),
}


def spoil(service: str, operation: str, feed: str) -> None:
    """Add the scenario that spoils one operation, each round in another way."""
    name = next(key for key, value in PHASES.items() if value == (service, operation, feed))

    def play(world: World) -> None:
        way = WAYS[(world.rounds + world.random.randrange(2)) % len(WAYS)]
        count = world.random.choice((1, 2, None))
        fault = replace(way, service=service, operation=operation, count=count, hits=[])
        _feed(world, feed)
        with world.spoiled(fault):
            _feed(world, feed)
            _until_met(fault, 4.0)
            world.sleep(0.2, 2.5)
            world.feed(8)

    add(Scenario(f"spoil-{name}", play, AFTER_STORE, rounds=22))


def outage(service: str) -> None:
    """Add the scenario in which all requests to a service fail for some seconds."""

    def play(world: World) -> None:
        way = replace(world.random.choice(OUTAGES), service=service, hits=[])
        world.feed(world.random.randint(5, 30))
        world.sleep(0, 0.5)
        with world.spoiled(way):
            world.sleep(1, 20)
            world.feed(10)

    add(Scenario(f"outage-{'all' if service == '*' else service}", play, AFTER_STORE, rounds=15))


def spoil_start(world: World) -> None:
    """The start of a schedule is written, the first check-in of its instance is not, and the store is back soon."""
    count = world.random.choice((3, 3, 4, 6, None))  # a write is tried three times
    way = replace(world.random.choice(OUTAGES), service="table", operation=WRITES, skip=2, count=count, hits=[])
    world.host.start()
    world.feed(20)
    with world.spoiled(way):
        for name in world.names:
            world.host.call("POST", f"schedules/{name}/start", {})
        _until_met(way, 4.0)
        world.sleep(0.5, 4)
        world.feed(10)


def restart_storage(world: World) -> None:
    """Azurite ends in order, is away for some seconds, and comes back with its disk."""
    world.feed(world.random.randint(10, 40))
    world.sleep(0, 0.8)
    world.feed(15, seconds=0.2)
    with world.broken("storage away"):
        world.azurite.process.terminate()
        world.azurite.process.wait(30)
        world.sleep(0.5, 10)
        world.azurite.revive()


def kill_storage(world: World) -> None:
    """Azurite is killed while nothing is to do. Not at work: it writes its memory to disk every five seconds, so that a
    kill takes back what it has acknowledged, as the real service never does.
    """
    world.sleep(6, 7)
    with world.broken("storage killed"):
        world.azurite.kill()
        world.sleep(0.5, 10)
        world.azurite.revive()
        world.feed(10)


def look_only(world: World) -> None:
    """The queue is gone and the schedule is paused: health checks and plans look, and leave it gone."""
    feeder = world.feeders["s0"]
    world.host.call("POST", "schedules/s0/pause", {"reason": "to look only"})
    world.sleep(2.5, 3)
    feeder.queue.delete_queue()
    asked = [world.host.call("GET", path)[0] for path in ("health", "schedules/s0/plan", "schedules/s0")]
    try:
        feeder.queue.create_queue()
    except ResourceExistsError:
        world.remarks.append(Violation("created", f"looking created the queue (answers {asked})"))
    world.host.call("POST", "schedules/s0/resume", {})
    world.feed(10)


def spoil_idle_queue(world: World) -> None:
    """Nothing waits and the queue's service is away: the loop only looks, and looks again when it is back."""
    with world.spoiled(replace(world.random.choice(OUTAGES), service="queue", hits=[])):
        world.sleep(2, 8)
        world.feed(10)


def _feed(world: World, kind: str) -> None:
    if kind == "nothing":
        return
    if kind == "slow":
        world.feed(3, seconds=6.0)  # longer than a lease
    elif kind == "raise":
        world.feed(8, "raise", times=1)
    elif kind == "poison":
        world.feed(6, "poison")
    world.feed(10)


def _until_met(fault: Fault, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not fault.hits and time.monotonic() < deadline:
        time.sleep(0.02)


for _phase in PHASES.values():
    spoil(*_phase)
add(Scenario("spoil-start", spoil_start, AFTER_STORE, rounds_per_world=1, begins=False, rounds=10))
for _service in ("queue", "table", "*"):
    outage(_service)
add(Scenario("outage-idle", spoil_idle_queue, AFTER_STORE, rounds=10))
add(Scenario("storage-kill", kill_storage, AFTER_STORE, rounds=5))
add(Scenario("look-only", look_only, world={"source": {"createQueue": True}}, rounds=3))
add(Scenario("storage-restart", restart_storage, AFTER_STORE, rounds=10))
