"""Closing a cycle: it is counted once, the wait follows, and the history is kept to its limit."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ebb.control import closing as close_cycle
from ebb.control.closing import TRIM_SECONDS, close
from ebb.core.cycle import Ending
from ebb.core.errors import StoreUnavailableError
from ebb.core.row import books
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.fence import CHECK_IN_SLACK
from ebb.core.row.schedule_row import Totals
from ebb.store.base import update
from ebb.store.memory import MemoryStore
from tests.unit.control.cycle_world import MINE, World, closing


async def test_close_counts_a_cycle_once_however_often_it_runs(world: World) -> None:
    world.put(4)
    opening = await world.open()
    order = closing(opening, [await world.execute(opening)])
    for _ in range(2):
        ending = await close(world.services, order)
        assert ending.wait.seconds == 10
    row = await world.row()
    assert (row.totals.cycles, row.totals.processed, row.working_until) == (1, 4, None)
    assert len((await world.store.cycles("job")).value) == 1


async def test_close_with_a_backlog_left_begins_the_next_cycle_at_once(world: World) -> None:
    world.put(4)
    opening = await world.open()
    order = closing(opening, [await world.execute(opening)])
    world.put(7)
    ending = await close(world.services, order)
    assert ending.wait.seconds == 0
    assert "7 messages" in ending.wait.reason


async def test_close_after_the_fence_was_lost_ends_the_instance(world: World) -> None:
    world.put(1)
    opening = await world.open()
    await world.intend(owner="hub2/ebb-job/9")
    ending = await close(world.services, closing(opening, []))
    assert ending.fence_lost
    assert (await world.row()).owner == "hub2/ebb-job/9"


@pytest.mark.parametrize("closes_first", ["the owner", "its successor"])
async def test_an_owner_and_its_successor_who_close_a_cycle_at_once_count_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, closes_first: str
) -> None:
    world.put(4)
    opening = await world.open()
    order = closing(opening, [await world.execute(opening)])
    await update(world.store, "job", lambda row: replace(books.ended_by_force(row), working_until=None))
    successor = replace(MINE, owner="hub/ebb-job/2")
    executions = MemoryStore.executions

    async def meanwhile(store: MemoryStore, schedule: str) -> list[ExecutionNote]:
        """Let the other one close it, too, after this one has read the row and before it looks at the notes."""
        monkeypatch.setattr(MemoryStore, "executions", executions)
        await (close(world.services, order) if closes_first == "the owner" else world.open(successor))
        return await store.executions(schedule)

    monkeypatch.setattr(MemoryStore, "executions", meanwhile)
    await (world.open(successor) if closes_first == "the owner" else close(world.services, order))
    (cycle,) = (await world.store.cycles("job")).value
    totals = (await world.row()).totals
    assert (totals.cycles, totals.processed) == (1, cycle["processed"]) == (1, 4)


async def test_history_is_kept_to_its_limit(world: World) -> None:
    state = MINE
    for _ in range(60):
        world.put(1)
        opening = await world.open(state)
        await close(world.services, closing(opening, [await world.execute(opening)], state))
        state = replace(state, cycle=(opening.cycle or 0) + 1)
    kept = (await world.store.cycles("job", top=1000)).value
    assert 3 <= len(kept) <= 53
    assert kept[0]["cycle"] == 60
    assert (await world.row()).totals.cycles == 60


async def test_history_that_cannot_be_trimmed_does_not_change_what_comes_after_the_cycle(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def busy(*_: object, **__: object) -> int:
        raise StoreUnavailableError("127.0.0.1:2 is busy")

    monkeypatch.setattr(MemoryStore, "trim", busy)
    with caplog.at_level(logging.WARNING):
        ending = await close_fiftieth(world)
    assert (ending.wait.code, ending.wait.seconds) == ("backlogRemains", 0)
    row = await world.row()
    assert (row.totals.cycles, row.history_count) == (50, 100)
    assert "127.0.0.1:2 is busy" in caplog.text


async def test_close_waits_for_the_trim_of_a_long_history_no_longer_than_its_promise_allows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: object, **__: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(MemoryStore, "trim", endless)
    monkeypatch.setattr(close_cycle, "TRIM_SECONDS", 0.01)
    assert (await close_fiftieth(world)).wait.code == "backlogRemains"
    assert timedelta(seconds=TRIM_SECONDS) < CHECK_IN_SLACK


async def test_trims_of_a_long_history_are_rare(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    trims: list[int] = []

    async def count(*_: object, keep: int) -> int:
        trims.append(keep)
        return 0

    monkeypatch.setattr(MemoryStore, "trim", count)
    await close_fiftieth(world, historyLimit=2000)
    assert trims == [], "a twentieth above the limit are a hundred cycles"
    await world.intend(totals=Totals(cycles=99))
    await close_fiftieth(world, cycles=99, historyLimit=2000)
    assert trims == [2000]


async def close_fiftieth(world: World, cycles: int = 49, **settings: Any) -> Ending:
    """Close a cycle that leaves messages, as the fiftieth of a history that is far over its limit."""
    world.put(4)
    opening = await world.open()
    order = closing(opening, [await world.execute(opening)])
    order["settings"] = {**order["settings"], **settings}
    await world.intend(totals=Totals(cycles=cycles), history_count=9999 if settings else 99)
    world.put(7)
    return await close(world.services, order)
