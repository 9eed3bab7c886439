"""The activities of a cycle against the memory store and the memory source: what they write, and what they refuse."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.control import closing as close_cycle
from ebb.control.closing import TRIM_SECONDS, close
from ebb.control.opening import open_cycle
from ebb.core.cycle import CycleState, Ending, Opening, Verdict
from ebb.core.errors import SourceUnavailableError, StoreUnavailableError
from ebb.core.row.fence import CHECK_IN_SLACK
from ebb.core.row.schedule_row import Intent, ScheduleRow, Totals
from ebb.core.settings.schedules import Schedules
from ebb.execution.process import execute
from ebb.services import Services
from ebb.sources.base import Backlog
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.base import Store, update
from ebb.store.memory import MemoryStore

MINE = CycleState("job", "hub", owner="hub/ebb-job/1")
SETTINGS: dict[str, Any] = {
    "source": {"type": "memory", "queueName": "work"},
    "handler": "tests.unit.control.test_activities:handle",
    "queueLength": 5,
    "maxExecutions": 3,
    "pollingInterval": 10,
    "maxPollingInterval": 300,
    "replicaTimeout": 100,
    "historyLimit": 3,
}


def handle(message: object) -> None:
    """A handler that has nothing to do."""


class FixedClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(3600)


class World:
    """Services on twins, with what a test looks at."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FixedClock()
        self.broker = MemoryBroker(self.clock)
        self.store = MemoryStore()
        self.services = Services(
            Schedules({"job": {**SETTINGS, **settings}}),
            self.store,
            clock=self.clock,
            environment={},
            open_source=lambda *_, **__: MemorySource(self.broker, "work"),
        )

    async def intend(self, intent: Intent = Intent.RUNNING, **more: Any) -> None:
        await update(self.store, "job", lambda row: replace(row, intent=intent, **more))

    async def row(self) -> ScheduleRow:
        return await self.store.get("job")

    def put(self, count: int) -> None:
        for number in range(count):
            self.broker.put("work", str(number))

    def later(self, seconds: float) -> None:
        self.clock.time += timedelta(seconds=seconds)

    async def open(self, state: CycleState = MINE) -> Opening:
        return Opening.from_json((await open_cycle(self.services, state)).to_json())

    async def execute(self, opening: Opening, index: int = 0, owner: str | None = MINE.owner) -> dict[str, Any]:
        order = {
            "schedule": "job",
            "cycle": opening.cycle,
            "index": index,
            "owner": owner,
            "settings": opening.settings,
        }
        return await execute(self.services, order)


@pytest.fixture
async def world() -> World:
    made = World()
    await made.intend()
    return made


async def test_opening_takes_the_fence_counts_and_plans(world: World) -> None:
    world.put(12)
    opening = await world.open()
    assert opening.verdict is Verdict.GO
    assert (opening.cycle, opening.decision.executions) == (1, 3)
    assert opening.decision.reason == "12 messages at 5 each want 3 executions"
    row = await world.row()
    assert row.owner == MINE.owner
    assert row.owner_until == row.working_until == world.clock.now() + timedelta(seconds=130)
    assert row.backlog == {"count": 12, "measuredAt": "2026-01-01T12:00:00.000Z"}


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

    async def slow(source: MemorySource) -> Backlog:
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
    async def slow(_: MemorySource) -> Backlog:
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


async def test_execution_handles_what_waits_and_reports_it(world: World) -> None:
    world.put(4)
    document = await world.execute(await world.open())
    assert (document["outcome"], document["processed"], document["error"]) == ("succeeded", 4, None)
    assert world.broker.create("work").messages == {}


@pytest.mark.parametrize("where", ["receive", "open"])
async def test_execution_reports_an_error_in_a_length_that_a_thousand_of_them_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    opening = await world.open()
    fault = SourceUnavailableError("no answer " * 3000)
    if where == "receive":
        world.broker.create("work").fault = fault
    else:

        def away(*_: object, **__: object) -> MemorySource:
            raise fault

        monkeypatch.setattr(world.services, "open_source", away)
    document = await world.execute(opening)
    assert document["outcome"] == "failed"
    assert len(document["error"]) == 500
    assert document["error"].startswith("no answer no answer")


async def test_execution_of_a_stopped_schedule_takes_nothing(world: World) -> None:
    world.put(4)
    opening = await world.open()
    await world.intend(Intent.STOPPED)
    assert (await world.execute(opening))["outcome"] == "stopped"
    assert len(world.broker.create("work").messages) == 4


async def test_execution_without_the_fence_takes_nothing(world: World) -> None:
    world.put(4)
    opening = await world.open()
    assert (await world.execute(opening, owner="hub/ebb-job/0"))["outcome"] == "fenceLost"
    assert len(world.broker.create("work").messages) == 4


async def test_execution_that_begins_late_renews_the_lease_first(world: World) -> None:
    world.put(1)
    opening = await world.open()
    world.later(90)
    await world.execute(opening)
    assert (await world.row()).working_until == world.clock.now() + timedelta(seconds=130)


def closing(opening: Opening, executions: list[Mapping[str, Any]], state: CycleState = MINE) -> dict[str, Any]:
    processed = sum(int(execution["processed"]) for execution in executions)
    cycle = {
        "cycle": opening.cycle,
        "startedAt": opening.started_at,
        "endedAt": "2026-01-01T12:00:01.000Z",
        "backlog": opening.backlog,
        "decision": opening.decision.to_document(),
        "executions": executions,
        "processed": processed,
        "failed": 0,
        "poisoned": 0,
        "outcome": "succeeded",
        "error": None,
    }
    return {"state": state.to_json(), "settings": opening.settings, "received": processed, "cycle": cycle}


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

    async def stopped_meanwhile(source: MemorySource) -> Backlog:
        await world.intend(Intent.STOPPED, reason="just now")
        return await measure(source)

    monkeypatch.setattr(MemorySource, "measure", stopped_meanwhile)
    world.put(12)
    opening = await world.open()
    assert (opening.verdict, opening.wait.reason) == (Verdict.END, "stopped: just now")
    assert (await world.row()).working_until is None
