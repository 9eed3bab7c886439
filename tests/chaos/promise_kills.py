"""Kills in the middle of what promises more than "at least once": effects, budgets, batches, replays of poison."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.chaos import poison_places
from tests.chaos.checker import REPLAY, Violation
from tests.chaos.host import Host
from tests.chaos.scenario import AFTER_KILL, Scenario, add
from tests.chaos.world import World

CLAIMS = {"EBB_CHAOS_CLAIM": "4", "EbbClockSkewSeconds": "1"}  # a claim of the dead lapses within the round
BATCH = {"handler": "jobs:handle_batch", "batch": {"size": 4, "wait": 0.5}, "maxExecutions": 2}
RATE = 8.0  # a second; few, so that a round is several portions
PATIENCE = 120.0  # seconds for one step of a round
_NAME = re.compile(r"--resume (replay-\w+)")


def kill_in_effects(world: World) -> None:
    """SIGKILL right after some effects have happened, before anybody could write that down; others are on their way."""
    before = len(world.record().effects)
    for _ in range(6):
        for job in ("once-again", "once-skip"):
            world.feed(1, job, seconds=world.random.uniform(0.6, 2.4))
    for job in ("once-again", "once-skip"):
        world.until(lambda job=job: _in_the_gap(world, job, before), PATIENCE, f"an effect of {job}")
    _kill_and_start(world, world.host)
    world.faults_missed += not any(_in_the_gap(world, job, before) for job in ("once-again", "once-skip"))


def kill_in_batch(world: World) -> None:
    """SIGKILL while a call of a batch handler has several messages, of which others fail and are poison."""
    before = len(world.record().handlings)
    world.feed(8, seconds=0.5)
    world.feed(2, "raise", times=1)
    world.feed(1, "poison")
    world.until(lambda: _shared_batches(world, before), PATIENCE, "a batch")
    _kill_and_start(world, world.host)
    world.faults_missed += not _shared_batches(world, before)


def kill_one_of_two_on_a_budget(world: World) -> None:
    """Two hosts drain a schedule each under one budget; one of them is killed."""
    for host, name in zip(world.hosts, world.names, strict=True):
        if not host.url:
            host.start()
            start = f"schedules/{name}/start"
            world.until(lambda host=host, start=start: host.call("POST", start, {})[0] in (200, 202), PATIENCE, start)
    world.feed(36)
    world.sleep(0.5, 2.5)
    _kill_and_start(world, world.random.choice(world.hosts))


def kill_in_replay(world: World) -> None:
    """Poison messages are put back by `ebb poison replay`, the host is killed meanwhile, and the replay is resumed."""
    fixed, feeder, count = world.ledger.with_name("fixed"), world.feeders["s0"], 12
    fixed.unlink(missing_ok=True)
    world.feed(count, "fix")
    world.until(lambda: poison_places.look(world.host, "s0", feeder, world.ledger, count), PATIENCE, "poison")
    fixed.touch()
    with world.broken(REPLAY, doubles=False):
        before = len(world.record().handlings)
        replay = _replay(world, "--all", "--canary", "2", "--rate", "4/s")
        wanted = before + world.random.randint(1, count // 2)
        world.until(lambda: len(world.record().handlings) >= wanted or replay.poll() is not None, PATIENCE, "replay")
        world.faults_missed += replay.poll() is not None
        _kill_and_start(world, world.host)
        said = _said_by(replay)
        if replay.returncode != 0:
            _resume(world, said)


def _resume(world: World, said: str) -> None:
    """Go on as the command says; where nothing was noted of it yet, begin again, as the command says then."""
    name = _NAME.search(said)
    if name is None:
        world.remarks.append(Violation("replay", f"it does not say how to go on: {said[-300:]}"))
        return
    is_running = lambda: world.host.call("GET", "schedules/s0")[1].get("state") == "running"  # noqa: E731 - one use
    world.until(is_running, PATIENCE, "the schedule")
    again = _replay(world, "--resume", name[1])
    said = _said_by(again)
    if again.returncode == 3:
        again = _replay(world, "--all")
        said = _said_by(again)
    left = world.host.call("GET", "schedules/s0/poison")[1].get("count")
    if again.returncode != 0 or left != 0:
        world.remarks.append(Violation("replay", f"status {again.returncode}, {left} left: {said[-300:]}"))


def _replay(world: World, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ebb", "poison", "replay", "s0", *arguments, "--url", world.host.url]
    root = Path(__file__).parents[2]
    replay = subprocess.Popen(
        [*command, "--timeout", "60"], cwd=root, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    world.at_end(replay.kill)
    return replay


def _said_by(replay: subprocess.Popen[str]) -> str:
    """What the command said on standard error, once it has ended."""
    try:
        return replay.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"the replay took more than {PATIENCE:g} s") from error


def _in_the_gap(world: World, job: str, since: int) -> bool:
    """Whether an effect of such a message has happened, of those since so many, and its handler has not ended."""
    record = world.record()
    ended = {each.message for each in record.handlings if each.outcome == "done"}
    return any(record.puts[each.number].job == job and each.message not in ended for each in record.effects[since:])


def _shared_batches(world: World, since: int) -> bool:
    """Whether a batch of several messages has begun, since so many handlings, and not ended."""
    begun = [each.batch for each in world.record().handlings[since:] if each.end is None]
    return len(begun) > len(set(begun))


def _kill_and_start(world: World, host: Host) -> None:
    with world.broken("kill", host):
        host.kill()
        world.feed(4)
        world.sleep(0, 1)
    host.start()


add(Scenario("once-kill", kill_in_effects, AFTER_KILL, world={"environment": CLAIMS}))
add(Scenario("batch-kill", kill_in_batch, AFTER_KILL, world={"settings": BATCH}))
add(
    Scenario(
        "rate-kill",
        kill_one_of_two_on_a_budget,
        AFTER_KILL,
        world={"hosts": 2, "schedules": 2, "settings": {"budget": "crm"}, "budgets": {"crm": {"rate": RATE}}},
        begins=False,
    )
)
add(Scenario("replay-kill", kill_in_replay, AFTER_KILL, world={"environment": {"EBB_CHAOS_HOLD": "8"}}))
