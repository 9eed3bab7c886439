"""The short version of the fault scenarios: a round or two of each that nothing is known to be wrong with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import catalogue, table
from tests.chaos.checker import check
from tests.chaos.known import FAULTS, KNOWN
from tests.chaos.runner import Terms, play
from tests.chaos.scenario import Scenario
from tests.chaos.storage import DurableAzurite
from tests.chaos.world import World

SEED = 20
ROUNDS = {
    "kill-idle": 2,
    "term": 2,
    "spoil-read": 2,
    "spoil-measure": 2,
    "spoil-receive": 2,
    "outage-idle": 1,
    "storage-kill": 1,
    "handler-refuse": 1,
    "message-odd": 1,
    "message-base64": 1,
    "clock-forward": 1,
    "clock-at-work": 1,
}


def scenario(name: str) -> Scenario:
    return next(each for each in catalogue.scenarios() if each.name == name)


@pytest.mark.parametrize("name", ROUNDS)
def test_every_promise_is_kept(name: str) -> None:
    result = play(scenario(name), Terms(SEED, ROUNDS[name]))
    assert result.skipped is None
    assert result.violations == [], table.footer([result])
    assert result.missed < result.rounds, "no request met the fault"


def test_an_app_that_drops_messages_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.world.BOOKS_SECONDS", 1.0)
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
    assert {"table note.write", "table note.delete", "table history.write", "table history.read"} <= names
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


def test_scenarios_that_are_known_to_fail_are_named_and_not_played_here() -> None:
    names = {each.name for each in catalogue.scenarios()}
    assert {name for name, _, _ in KNOWN} <= names
    assert {fault for _, _, fault in KNOWN} <= FAULTS.keys()
    assert not {name for name, _, _ in KNOWN} & ROUNDS.keys()
