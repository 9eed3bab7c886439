"""Plays scenarios: makes their worlds, plays rounds, drains, checks, and says what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.checker import Violation
from tests.chaos.host import HostEndedError
from tests.chaos.scenario import AFTER_KILL_REAL, Scenario
from tests.chaos.storage import DurableAzurite
from tests.chaos.table import Result
from tests.chaos.world import World


@dataclass(frozen=True)
class Terms:
    """How a run is made."""

    seed: int = 1
    rounds: int | None = None  # of each scenario; None: each has its own number
    engine: str = "devhost"
    keep: Path | None = None  # where the ledgers and logs of rounds that went wrong are kept
    seconds: float = float("inf")  # no round begins later


def play(scenario: Scenario, terms: Terms) -> Result:
    """All rounds of a scenario, on an Azurite of its own."""
    result, began = Result(scenario.name), time.monotonic()
    result.skipped = scenario.unless()
    if scenario.devhost_only and terms.engine != "devhost":
        result.skipped = "it is about devhost"
    if scenario.real_only and terms.engine == "devhost":
        result.skipped = "it is about the real engine"
    if result.skipped:
        return result
    rounds = terms.rounds or scenario.rounds
    with DurableAzurite() as azurite:
        while result.rounds < rounds and time.monotonic() - began < terms.seconds:
            with _world(scenario, terms, azurite, result) as world:
                _play_in(world, scenario, terms, result, min(rounds - result.rounds, scenario.rounds_per_world))
    result.seconds = time.monotonic() - began
    return result


def _play_in(world: World, scenario: Scenario, terms: Terms, result: Result, rounds: int) -> None:
    """Rounds in one world, until one goes wrong."""
    for _ in range(rounds):
        result.rounds += 1
        world.random = random.Random(_seed(terms.seed, scenario.name, result.rounds))
        world.remarks.clear()
        world.rounds = result.rounds - 1
        found = _round(world, scenario, first=not world.hosts[0].url)
        spans = len(world.record().spans)
        found += _slow(world, scenario, _limit(scenario, terms), result)
        world.spans_judged = spans
        result.violations += [(result.rounds, each) for each in found]
        if found:
            _keep(world, terms, result, found)
            return


def _round(world: World, scenario: Scenario, *, first: bool) -> list[Violation]:
    try:
        if first and scenario.begins:
            world.begin()
        scenario.play(world)
        world.drain()
    except TimeoutError as error:
        return [Violation("stalled", f"{error}: {world.why_stalled()}"), *world.remarks, *_checked(world)]
    except HostEndedError as error:
        return [Violation("exit", f"a host did not start: {str(error).strip().splitlines()[-1:]}"), *world.remarks]
    return [*world.remarks, *world.verdict()]


def _checked(world: World) -> list[Violation]:
    """What can be said of a round that did not come to its end: what waits is not lost, and books are not closed."""
    return [each for each in world.verdict() if each.kind not in ("lost", "books")]


def _limit(scenario: Scenario, terms: Terms) -> float | None:
    """Seconds until work goes on; the real engine keeps the work of a dead host hidden for longer."""
    if scenario.recovers_in is None or terms.engine == "devhost":
        return scenario.recovers_in
    return max(scenario.recovers_in, AFTER_KILL_REAL)


def _slow(world: World, scenario: Scenario, limit: float | None, result: Result) -> list[Violation]:
    found: list[Violation] = []
    for kind, seconds in scenario.measure(world.record(), world.spans_judged):
        if seconds is None:
            continue  # nothing was handled after it: the round has stalled
        result.recovery = max(result.recovery or 0.0, seconds)
        if limit is not None and seconds > limit:
            text = f"{seconds:.1f} s after {kind} until a handler began; promised are {limit:g} s"
            found.append(Violation("slow", text))
    return found


@contextlib.contextmanager
def _world(scenario: Scenario, terms: Terms, azurite: DurableAzurite, result: Result) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="ebb-chaos-"))
    seed = _seed(terms.seed, scenario.name, result.rounds)
    try:
        with World(azurite, folder / "world", seed, engine=terms.engine, **scenario.world) as world:
            yield world
            result.missed += world.faults_missed
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep(world: World, terms: Terms, result: Result, found: list[Violation]) -> None:
    if terms.keep is None:
        return
    target = terms.keep / f"{result.scenario}-{result.rounds}"
    target.mkdir(parents=True, exist_ok=True)
    history = "".join(f"{json.dumps(cycle)}\n" for name in world.names for cycle in world.cycles(name))
    (target / "history.jsonl").write_text(history)
    (target / "violations.txt").write_text("".join(f"{each.kind}: {each.text}\n" for each in found))
    for path in [world.ledger, *(host.log for host in world.hosts)]:
        if path.exists():
            shutil.copy(path, target / f"{path.parent.name}-{path.name}")


def _seed(seed: int, name: str, number: int) -> int:
    """The same for the same run, scenario and round on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}/{number}".encode()).digest()[:8])
