"""Opening a cycle: whether this instance may act, what it counts, and what it promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ebb.core.contract.source import Measurement
from ebb.core.contract.store import Store
from ebb.core.cycle import Verdict
from ebb.core.documents import Backlog
from ebb.core.errors import SourceUnavailableError, StoreUnavailableError
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.sources.memory.source import MemorySource
from ebb.store.memory import MemoryStore
from tests.unit.control.cycle_world import MINE, World


async def test_opening_takes_the_fence_counts_and_plans(world: World) -> None:
    world.put(12)
    opening = await world.open()
    assert opening.verdict is Verdict.GO
    assert (opening.cycle, opening.decision.executions) == (1, 3)
    assert opening.decision.reason == "12 messages at 5 each want 3 executions"
    row = await world.row()
    assert row.owner == MINE.owner
    assert row.owner_until == row.working_until == world.clock.now() + timedelta(seconds=130)
    noon = "2026-01-01T12:00:00.000Z"
    assert row.backlog == Backlog(count=12, measured_at=noon, oldest_enqueued_at=noon)


async def test_idle_opening_promises_to_check_in_after_its_wait(world: World) -> None:
    opening = await world.open(replace(MINE, idle=2))
    assert opening.wait.seconds == 40
    row = await world.row()
    assert row.owner_until == world.clock.now() + timedelta(seconds=70)
    assert row.working_until is None


@pytest.mark.parametrize("waiting", [0, 12])
async def test_promise_begins_when_the_row_is_written_however_long_the_measurement_took(
    world: World, monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    measure = MemorySource.measure

    async def slow(source: MemorySource) -> Measurement:
        world.later(123)
        return await measure(source)

    monkeypatch.setattr(MemorySource, "measure", slow)
    world.put(waiting)
    opening = await world.open()
    promised = 100 if waiting else opening.wait.seconds
    row = await world.row()
    assert row.owner_until == world.clock.now() + timedelta(seconds=promised + 30)
    assert row.working_until == (row.owner_until if waiting else None)
    assert opening.started_at == "2026-01-01T12:00:00.000Z"


async def test_pause_that_ended_while_the_sources_were_measured_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_: MemorySource) -> Measurement:
        until = world.clock.now() + timedelta(seconds=60)
        await world.intend(Intent.PAUSED, until=until)
        world.later(60)
        raise SourceUnavailableError("no answer")

    monkeypatch.setattr(MemorySource, "measure", slow)
    assert (await world.open()).verdict is Verdict.GO
    assert (await world.row()).intent is Intent.RUNNING


async def test_repeated_opening_opens_the_same_cycle(world: World) -> None:
    assert (await world.open()).cycle == 1
    assert (await world.open()).cycle == 1
    assert (await world.open(replace(MINE, cycle=2))).cycle == 2


async def test_opening_delivered_twice_to_an_owner_that_regained_the_fence_opens_one_cycle(world: World) -> None:
    mine, other = replace(MINE, cycle=5), replace(MINE, owner="hub2/ebb-job/9", cycle=9)
    await world.open(other)
    world.later(71)
    first, second = await world.open(mine), await world.open(mine)
    assert [(each.verdict, each.cycle) for each in (first, second)] == [(Verdict.GO, 10)] * 2
    await world.open(replace(MINE, cycle=11))
    before = await world.row()
    assert (await world.open(mine)).verdict is Verdict.END
    assert await world.row() == before


async def test_stopped_lets_go_of_the_fence(world: World) -> None:
    await world.open()
    await world.intend(Intent.STOPPED, reason="deploying")
    opening = await world.open()
    assert opening.verdict is Verdict.END
    assert opening.wait.reason == "stopped: deploying"
    assert (await world.row()).owner is None


async def test_foreign_owner_ends_the_instance_and_is_left_alone(world: World) -> None:
    other = replace(MINE, owner="hub2/ebb-job/9")
    await world.open(other)
    before = await world.row()
    opening = await world.open()
    assert opening.verdict is Verdict.END
    assert "hub2/ebb-job/9" in opening.wait.reason
    assert await world.row() == before


async def test_foreign_fence_is_taken_once_it_has_run_out(world: World) -> None:
    await world.open(replace(MINE, owner="hub2/ebb-job/9"))
    world.later(10 + 30 + 29)
    assert (await world.open()).verdict is Verdict.END
    world.later(2)
    assert (await world.open()).verdict is Verdict.GO
    assert (await world.row()).owner == MINE.owner


async def test_successor_waits_for_the_executions_of_a_dead_predecessor(world: World) -> None:
    world.put(1)
    await world.open(replace(MINE, owner="hub/ebb-job/0"))
    held = await world.open()
    assert held.verdict is Verdict.HOLD
    assert held.wait.seconds == 2, "it looks again: they may end sooner than they must"
    assert "2 min 40 s at most" in held.wait.reason
    assert (await world.row()).owner == "hub/ebb-job/0"
    world.later(160)
    assert (await world.open()).verdict is Verdict.GO


async def test_pause_holds_until_its_end_and_resumes_by_itself(world: World) -> None:
    until = world.clock.now() + timedelta(seconds=120)
    await world.intend(Intent.PAUSED, reason="migration", until=until)
    held = await world.open()
    assert held.verdict is Verdict.HOLD
    assert held.wait.seconds == 120
    assert held.wait.reason == "paused: migration, until 2026-01-01T12:02:00.000Z"
    world.later(120)
    assert (await world.open()).verdict is Verdict.GO
    assert (await world.row()).intent is Intent.RUNNING


async def test_source_that_is_away_is_the_cycles_error(world: World) -> None:
    world.broker.create("work").fault = SourceUnavailableError("127.0.0.1:1 cannot be reached")
    opening = await world.open(replace(MINE, errors=2))
    assert opening.verdict is Verdict.GO
    assert opening.decision.executions == 0
    assert opening.error == "127.0.0.1:1 cannot be reached"
    assert 32 <= opening.wait.seconds <= 40
    assert (await world.row()).error == opening.error


async def test_store_that_is_away_gives_nothing_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Store, __: str) -> ScheduleRow:
        raise StoreUnavailableError("127.0.0.1:2 cannot be reached")

    monkeypatch.setattr(MemoryStore, "get", away)
    world.put(5)
    opening = await world.open()
    assert opening.decision.executions == 0
    assert opening.cycle is None
    assert opening.error == "127.0.0.1:2 cannot be reached"


async def test_overrides_that_no_longer_fit_are_an_error_not_the_end(world: World) -> None:
    await world.intend(overrides={"maxExecutions": 0})
    opening = await world.open()
    assert opening.verdict is Verdict.GO
    assert opening.error is not None
    assert "maxExecutions: 0" in opening.error


async def test_schedule_that_was_removed_ends_its_instance(world: World) -> None:
    opening = await world.open(replace(MINE, schedule="gone"))
    assert opening.verdict is Verdict.END
    assert opening.wait.reason == "schedule gone is no longer in schedules.yaml"


async def test_empty_cycle_reads_the_row_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    get = MemoryStore.get

    async def counted(store: MemoryStore, name: str) -> ScheduleRow:
        nonlocal reads
        reads += 1
        return await get(store, name)

    monkeypatch.setattr(MemoryStore, "get", counted)
    assert (await world.open()).verdict is Verdict.GO
    assert reads == 1


async def test_command_that_comes_while_the_sources_are_measured_is_obeyed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = MemorySource.measure

    async def stopped_meanwhile(source: MemorySource) -> Measurement:
        await world.intend(Intent.STOPPED, reason="just now")
        return await measure(source)

    monkeypatch.setattr(MemorySource, "measure", stopped_meanwhile)
    world.put(12)
    opening = await world.open()
    assert (opening.verdict, opening.wait.reason) == (Verdict.END, "stopped: just now")
    assert (await world.row()).working_until is None
