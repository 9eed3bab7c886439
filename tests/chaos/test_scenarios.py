"""The short version of the fault scenarios: a round of each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.chaos import catalogue, parallel, table
from tests.chaos.checker import check
from tests.chaos.known import FAULTS, KNOWN
from tests.chaos.runner import Terms
from tests.chaos.scenario import Scenario
from tests.chaos.storage import DurableAzurite
from tests.chaos.table import Result
from tests.chaos.world import World

SEED = 20
AT_ONCE = min(8, 2 * (os.cpu_count() or 1))  # they mostly wait
PATIENCE = 300  # seconds for all of them
# The longest first, so that none of them is the last to end.
LONG = (
    "schedules-30",
    "duel-kill",
    "duel-freeze",
    "handler-raise-always",
    "handler-flood",
    "spoil-extend",
    "replay-kill",
)
NAMES = [*LONG, *(each.name for each in catalogue.scenarios() if each.name not in LONG)]
# Whether a fault is met is a matter of chance.
MAY_MISS = {"kill-phase", "duel-kill", "duel-freeze", "message-control", "once-kill", "batch-kill", "replay-kill"}


def scenario(name: str) -> Scenario:
    return next(each for each in catalogue.scenarios() if each.name == name)


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Result]]]:
    """A round of each scenario that this run of pytest asks for, several at once."""
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    chosen = [scenario(name) for name in NAMES if name in asked]
    with parallel.playing(chosen, Terms(SEED, rounds=1), AT_ONCE) as results:
        yield results


@pytest.mark.timeout(PATIENCE + 10)
@pytest.mark.parametrize("name", NAMES)
def test_every_promise_is_kept(name: str, played: dict[str, Future[Result]]) -> None:
    result = played[name].result(PATIENCE)
    if result.skipped:
        pytest.skip(result.skipped)
    assert result.violations == [], table.footer([result])
    assert not result.missed or name in MAY_MISS or name.startswith("spoil-"), "no request met the fault"


def test_most_faults_of_single_requests_are_met(played: dict[str, Future[Result]]) -> None:
    """Such a fault is armed for a moment, and now and then no request comes then: one of a handful may miss its own."""
    spoils = [each.result(PATIENCE) for name, each in played.items() if name.startswith("spoil-")]
    assert sum(result.missed for result in spoils) <= len(spoils) // 4


def test_an_app_that_drops_messages_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.world.BOOKS_SECONDS", {"devhost": 1.0})
    settings = {"handler": "handlers.noop:handle"}  # the message is gone, and nobody wrote down that it was handled
    with DurableAzurite() as azurite, World(azurite, tmp_path / "world", 1, settings=settings) as world:
        world.begin()
        world.feed(3)
        world.drain()
        assert {each.kind for each in world.verdict()} == {"lost", "books"}


def test_the_requests_of_a_run_are_all_known(tmp_path: Path) -> None:
    with DurableAzurite() as azurite, World(azurite, tmp_path / "world", 1) as world:
        world.begin()
        world.feed(10)
        world.feed(2, "poison")
        world.drain()
        assert world.verdict() == []
        names = {f"{each.service} {each.name}" for each in world.proxy.requests}
        assert {each.side for each in world.proxy.requests} == {"ebb"}
    assert {"queue peek", "queue receive", "queue delete", "queue poison.put"} <= names
    assert {"table row.read", "table row.work", "table row.close", "table row.idle"} <= names
    assert {"table note.write", "table history.write", "table history.read"} <= names
    assert not [name for name in names if ".other" in name or "table other" in name]


def test_the_ledger_of_a_run_tells_what_was_done(tmp_path: Path) -> None:
    with DurableAzurite() as azurite, World(azurite, tmp_path / "world", 1) as world:
        world.begin()
        world.feed(5)
        world.drain()
        record = world.record()
    assert sorted(each.number or 0 for each in record.handlings) == [1, 2, 3, 4, 5]
    assert all(each.end and each.outcome == "done" for each in record.handlings)
    assert {each.run for each in record.handlings} <= {each.run for each in record.executions}
    assert all(each.end for each in record.executions)
    assert check(record, {"s0": 3}) == []


def test_faults_that_are_known_are_those_of_scenarios() -> None:
    names = {each.name for each in catalogue.scenarios()}
    assert {name for name, _, _ in KNOWN} <= names
    assert {fault for _, _, fault in KNOWN} <= FAULTS.keys()
