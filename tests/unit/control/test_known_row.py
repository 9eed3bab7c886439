"""Opening with the row as the cycle before left it: one read less, and nothing decided from a row that has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ebb.control.closing import close
from ebb.control.opening import open_cycle
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState, Opening, Verdict
from ebb.core.cycle_summary import CycleSummary
from ebb.core.decision import Wait
from ebb.core.errors import StoreUnavailableError
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.store.memory import MemoryStore
from tests.unit.control.cycle_world import MINE, World, closing


class CountingStore(MemoryStore):
    """Counts how often a row is read."""

    reads = 0

    async def get(self, name: str) -> ScheduleRow:
        self.reads += 1
        return await super().get(name)


@pytest.fixture
async def world() -> World:
    made = World()
    made.store = made.services.store = CountingStore()
    await made.intend()
    return made


def reads_of(world: World) -> int:
    assert isinstance(world.store, CountingStore)
    reads, world.store.reads = world.store.reads, 0
    return reads


async def after_one_cycle(world: World) -> CycleState:
    """The state that the orchestration goes on with after an empty cycle."""
    opening = await world.open()
    reads_of(world)
    return MINE.follow(opening, CycleSummary())


async def test_an_opening_after_a_cycle_in_this_process_reads_no_row(world: World) -> None:
    state = await after_one_cycle(world)
    opening = await world.open(state)
    assert (opening.verdict, opening.cycle) == (Verdict.GO, 2)
    assert reads_of(world) == 0
    row = await world.row()
    assert (row.cycle, row.owner, row.etag) == (2, MINE.owner, opening.etag)


async def test_so_does_one_after_a_closing(world: World) -> None:
    world.put(1)
    opening = await world.open()
    execution = await world.execute(opening)
    ending = await close(world.services, closing(opening, [execution], MINE))
    reads_of(world)
    state = MINE.follow(opening, CycleSummary(received=1, processed=1), ending)
    assert (await world.open(state)).cycle == 2
    assert reads_of(world) == 0


async def test_a_state_without_an_etag_reads(world: World) -> None:
    state = await after_one_cycle(world)
    assert (await world.open(replace(state, etag=None))).cycle == 2
    assert reads_of(world) == 1


async def test_a_process_that_did_not_write_the_row_reads(world: World) -> None:
    state = await after_one_cycle(world)
    world.services.rows.clear()
    assert (await world.open(state)).cycle == 2
    assert reads_of(world) == 1


async def test_new_settings_count_from_the_next_cycle_on(world: World) -> None:
    state = await after_one_cycle(world)
    world.put(12)
    await update(world.store, "job", lambda row: replace(row, overrides={"maxExecutions": 1}))
    assert (await world.open(state)).decision.executions == 1


@pytest.mark.parametrize(("intent", "verdict"), [(Intent.STOPPED, Verdict.END), (Intent.PAUSED, Verdict.HOLD)])
async def test_a_request_of_meanwhile_is_obeyed(world: World, intent: Intent, verdict: Verdict) -> None:
    state = await after_one_cycle(world)
    world.put(1)
    await world.intend(intent)
    assert (await world.open(state)).verdict is verdict


async def test_a_trigger_of_meanwhile_is_taken_up(world: World) -> None:
    state = await after_one_cycle(world)
    await update(world.store, "job", lambda row: replace(row, triggered="t1"))
    assert (await world.open(state)).verdict is Verdict.GO
    assert (await world.row()).triggered is None


async def test_another_owner_of_meanwhile_keeps_the_fence(world: World) -> None:
    state, other = await after_one_cycle(world), "another/ebb-job/2"
    until = (await world.row()).owner_until
    await update(world.store, "job", lambda row: replace(row, owner=other, owner_until=until, launch=2, owner_launch=2))
    opening = await world.open(state)
    assert opening.verdict is Verdict.END
    assert (await world.row()).owner == other


async def test_a_late_repetition_of_an_opening_takes_nothing_back(world: World) -> None:
    state = await after_one_cycle(world)
    second = await world.open(state)
    third = await world.open(state.follow(second, CycleSummary()))
    late = await world.open(state)
    assert (third.cycle, late.verdict) == (3, Verdict.END)
    assert (await world.row()).cycle == 3


async def test_an_opening_whose_write_failed_is_done_again_from_the_row(world: World) -> None:
    state = await after_one_cycle(world)
    lost = Lost(world.store)
    world.services.store = lost  # type: ignore[assignment] - it hands everything else on
    opening = await open_cycle(world.services, state)
    assert opening.cycle is None
    assert (await open_cycle(world.services, state)).cycle == 2
    assert lost.reads, "the row that was known is not trusted again"


class Lost:
    """Hands all on to a store; the answer of the first write is lost after it has acted."""

    def __init__(self, store: Any) -> None:
        self._store, self.reads, self._is_first = store, 0, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def get(self, name: str) -> ScheduleRow:
        self.reads += 1
        return await self._store.get(name)

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        saved = await self._store.save(row)
        if self._is_first:
            self._is_first = False
            raise StoreUnavailableError("no answer")
        return saved


def test_what_older_versions_wrote_knows_no_etag() -> None:
    assert CycleState.from_json({"schedule": "job"}, "ebb-job").etag is None
    document = Opening(Verdict.GO, Wait(1, "")).to_json()
    document.pop("etag")
    assert Opening.from_json(document).etag is None
