"""Handlers that outlive their execution: noted while they run, counted by the cycles that follow, and shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ebb.control.closing import close
from ebb.control.opening import open_cycle
from ebb.core import status
from ebb.core.carry import Carry
from ebb.core.cycle import CycleState, Opening
from ebb.core.cycle_summary import summarize
from ebb.core.documents import Execution
from ebb.core.remarks import abandoned_executions, abandoned_scope
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.execution import abandoned
from ebb.execution.abandoned import note_abandoned
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock, settle

STATE = CycleState("job", "hub", "hub/ebb-job/1", carry=Carry(began="2026-01-01T00:00:00.000Z", abandoned=1))


class World:
    def __init__(self) -> None:
        self.clock, self.store = SteppedClock(), MemoryStore()
        self.broker = MemoryBroker(self.clock)
        settings = {"source": {"type": "memory"}, "handler": "handlers.noop:handle", "maxExecutions": 2}
        self.services = Services(
            Schedules({"job": settings}),
            self.store,
            clock=self.clock,
            environment={},
            open_source=lambda *_, **__: MemorySource(self.broker, "work"),
        )
        for number in range(50):
            self.broker.put("work", str(number))

    async def open(self, state: CycleState) -> Opening:
        return Opening.from_json((await open_cycle(self.services, state)).to_json())


@pytest.fixture
async def world() -> World:
    made = World()
    await made.store.save(ScheduleRow("job", Intent.RUNNING))
    return made


def handlers(count: int) -> list[asyncio.Future[Any]]:
    return [asyncio.get_running_loop().create_future() for _ in range(count)]


async def test_next_cycle_takes_them_off_the_maximum_until_they_end(world: World) -> None:
    left = handlers(2)
    await note_abandoned(world.store, "job", left, world.clock)
    opening = await world.open(STATE)
    assert (opening.decision.executions, opening.abandoned) == (1, 1)
    assert "1 execution of earlier cycles has handlers that still run" in opening.decision.reason
    assert status.processing(opening)["abandoned"] == 1
    for each in left:
        each.set_result(None)
    await settle()
    opening = await world.open(replace(STATE, cycle=2, carry=opening.carry or STATE.carry))
    assert (opening.decision.executions, opening.abandoned) == (2, 0)
    assert opening.carry is not None
    assert opening.carry.abandoned == 0


async def test_first_cycle_of_a_start_asks_too_and_others_only_where_there_were_some(world: World) -> None:
    left = handlers(1)
    await note_abandoned(world.store, "job", left, world.clock)
    assert (await world.open(replace(STATE, carry=Carry()))).abandoned == 1
    assert (await world.open(replace(STATE, carry=replace(STATE.carry, abandoned=0)))).abandoned == 0
    left[0].cancel()
    await settle()


async def test_note_of_a_dead_process_ends_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abandoned, "RENEW", 0.02)
    left = handlers(1)
    await note_abandoned(world.store, "job", left, world.clock)
    world.clock.step(60)
    await asyncio.sleep(0.1)  # renewed: its process lives
    world.clock.step(60)
    assert await abandoned_executions(world.store, "job", world.clock.now()) == 1
    monkeypatch.setattr(abandoned, "RENEW", 60)
    await asyncio.sleep(0.1)
    world.clock.step(91)
    assert await abandoned_executions(world.store, "job", world.clock.now()) == 0
    left[0].set_result(None)
    await settle()
    assert await world.store.remarks(abandoned_scope("job")) == {}


async def test_they_are_counted_in_the_cycle_and_carried_on(world: World) -> None:
    opening = await world.open(replace(STATE, carry=replace(STATE.carry, abandoned=0)))
    base = {"startedAt": opening.started_at, "endedAt": opening.started_at, "outcome": "timedOut", "error": "x"}
    counts = {"received": 2, "processed": 0, "failed": 0, "poisoned": 0}
    executions = [{"index": index, **base, **counts, "abandoned": number} for index, number in enumerate((3, 0))]
    summary = summarize([Execution.from_document(each) for each in executions], None)
    assert summary.abandoned == 3
    cycle = {
        "cycle": opening.cycle,
        "startedAt": opening.started_at,
        "endedAt": opening.started_at,
        "backlog": opening.backlog.to_document() if opening.backlog else None,
        "decision": opening.decision.to_document(),
        "executions": executions,
        "processed": 0,
        "failed": 0,
        "poisoned": 0,
        "abandoned": summary.abandoned,
        "outcome": summary.outcome,
        "error": summary.error,
    }
    state = STATE.opened(opening)
    order = {"state": state.to_json(), "settings": opening.settings, "received": 4, "cycle": cycle}
    ending = await close(world.services, order)
    assert ending.carry is not None
    assert ending.carry.abandoned == 1, "one execution of the two"
    (kept,) = (await world.store.cycles("job")).value
    assert kept["abandoned"] == 3


async def test_they_are_no_part_of_what_an_older_version_wrote() -> None:
    older = {
        "index": 0,
        "startedAt": "2026-01-01T00:00:00Z",
        "outcome": "succeeded",
        "received": 1,
        "processed": 1,
        "failed": 0,
        "poisoned": 0,
        "error": None,
    }
    assert summarize([Execution.from_document(older)], None).abandoned == 0
    assert CycleState.from_json({"carry": {"abandoned": "?"}}, "ebb-job").carry.abandoned == 0
