"""What an execution does when a sibling falls silent, when its own process stood still, and when it comes too late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.clock import rfc3339
from ebb.core.decision import Decision
from ebb.core.documents import Execution as Document
from ebb.core.errors import StoreUnavailableError
from ebb.core.row.checkin import REDELIVERED, SILENT, done_at, has_silent_sibling
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import Intent, ScheduleRow, UnclosedCycle
from ebb.core.settings.schedules import Schedules
from ebb.execution.fence_watch import FenceWatch
from ebb.execution.progress import BEAT_EVERY, ProgressNote
from ebb.services import Services
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock, settle
from tests.executions import Execution, sleeping

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINE = ExecutionNote("hub/ebb-parity/a", 7, 0, "mine", NOW + timedelta(minutes=5), {"notedAt": rfc3339(NOW)})


def _other(silent_for: timedelta | None, **changes: Any) -> ExecutionNote:
    document = {} if silent_for is None else {"notedAt": rfc3339(NOW - silent_for)}
    return replace(replace(MINE, index=1, run="other", document=document), **changes)


def test_a_sibling_is_silent_between_its_last_beat_and_its_redelivery() -> None:
    assert not has_silent_sibling(MINE, [MINE], NOW)
    assert not has_silent_sibling(MINE, [_other(SILENT - timedelta(seconds=1))], NOW)
    assert has_silent_sibling(MINE, [_other(SILENT + timedelta(seconds=1))], NOW)
    assert not has_silent_sibling(MINE, [_other(REDELIVERED)], NOW)


def test_only_executions_of_the_same_cycle_and_owner_are_siblings() -> None:
    silent = SILENT + timedelta(seconds=1)
    assert not has_silent_sibling(MINE, [_other(silent, cycle=6)], NOW)
    assert not has_silent_sibling(MINE, [_other(silent, owner="hub/ebb-parity/b")], NOW)
    assert not has_silent_sibling(MINE, [_other(silent, index=0)], NOW), "an earlier run of this very execution"
    ended = {"notedAt": rfc3339(NOW - silent), "endedAt": rfc3339(NOW - silent)}
    assert not has_silent_sibling(MINE, [_other(silent, document=ended)], NOW), "it said its last word"
    assert not has_silent_sibling(MINE, [_other(None)], NOW), "a note of an older version has no beat"


def test_a_sibling_that_runs_again_is_not_silent() -> None:
    dead, again = _other(SILENT + timedelta(seconds=1)), _other(timedelta(seconds=1), run="again")
    assert not has_silent_sibling(MINE, [dead, again], NOW)


async def test_an_execution_goes_on_while_a_sibling_is_silent() -> None:
    execution, begun = Execution(executionSlice=20, concurrency=1, batchSize=1), list[str]()
    execution.needed_until = execution.clock.now() + timedelta(seconds=40)
    execution.put(*map(str, range(100)))
    running = execution.start(sleeping(execution, 1, begun))
    await execution.clock.run(60)
    report = await running
    assert report.ended == "slice"
    assert 40 <= report.processed <= 50


async def test_an_execution_whose_source_is_empty_gives_up_its_place_in_any_case() -> None:
    execution = Execution(executionSlice=20, concurrency=1, batchSize=1)
    execution.needed_until = execution.clock.now() + timedelta(seconds=60)
    execution.put(*map(str, range(30)))
    running = execution.start(sleeping(execution, 1, []))
    await execution.clock.run(36)
    report = await running
    assert (report.processed, report.ended) == (30, "empty")


async def test_a_short_execution_does_not_ask() -> None:
    execution = Execution(executionSlice=5, concurrency=1, batchSize=1)
    execution.needed_until = execution.clock.now() + timedelta(hours=1)
    execution.put(*map(str, range(30)))
    running = execution.start(sleeping(execution, 1, []))
    await execution.clock.run(8)
    assert (await running).ended == "slice"


async def test_an_execution_never_stays_into_its_hard_limit() -> None:
    execution = Execution(executionSlice=20, replicaTimeout=100, concurrency=1, batchSize=1)
    execution.needed_until = execution.clock.now() + timedelta(hours=1)
    execution.put(*map(str, range(200)))
    running = execution.start(sleeping(execution, 1, []))
    await execution.clock.run(99)
    assert (await running).ended == "slice"


async def test_who_stood_still_begins_nothing_before_it_has_looked() -> None:
    execution, begun = Execution(concurrency=1, batchSize=8, visibilityTimeout=600), list[str]()
    execution.put("quick", *map(str, range(7)))
    running = execution.start(sleeping(execution, 1, begun))
    await execution.clock.run(2.5)
    before = len(begun)
    execution.stop_reason = "cycle 1 is closed"
    execution.clock.step(120)  # frozen: all that was due in between is due at once
    await settle(100)
    report = await running
    assert len(begun) == before
    assert report.ended == "stopped"
    assert report.reason == "cycle 1 is closed"


def _services(store: MemoryStore, clock: SteppedClock) -> Services:
    return Services(Schedules({}), store, clock)


@pytest.mark.parametrize(("change", "late"), [({"closed_cycle": 7}, True), ({"cycle": 8}, True), ({}, False)])
async def test_an_execution_of_a_closed_cycle_begins_nothing(change: dict[str, int], late: bool) -> None:
    store, clock = MemoryStore(), SteppedClock()
    await store.save(replace(ScheduleRow("parity", Intent.RUNNING, owner="me", cycle=7, closed_cycle=6), **change))
    order = {"schedule": "parity", "cycle": 7, "index": 0, "owner": "me"}
    watch = FenceWatch(_services(store, clock), order, 300)
    reason = await watch.enter()
    assert (reason is not None) is late
    assert (await watch.reason_to_stop() is not None) is late
    assert watch.outcome == ("fenceLost" if late else None)


async def test_an_execution_beats_also_while_it_has_nothing_new_to_say() -> None:
    store, clock = MemoryStore(), SteppedClock()
    await store.save(ScheduleRow("parity", Intent.RUNNING, owner="me", cycle=7, closed_cycle=6))
    watch = FenceWatch(_services(store, clock), {"schedule": "parity", "cycle": 7, "index": 0, "owner": "me"}, 300)
    await watch.enter()
    same = Document(index=0, started_at=rfc3339(clock.now()), errors=[])
    note = ProgressNote(store, clock, "parity", watch.note, lambda _: same)
    keeping = asyncio.create_task(note.keep())
    await clock.run(20)
    (noted,) = await store.executions("parity")
    assert noted.beat is not None
    assert clock.now() - noted.beat <= BEAT_EVERY + timedelta(seconds=2)
    other = FenceWatch(_services(store, clock), {"schedule": "parity", "cycle": 7, "index": 1, "owner": "me"}, 300)
    await other.enter()
    assert not await other.is_needed()
    keeping.cancel()
    clock.step(SILENT.total_seconds() + 1)
    assert await other.is_needed()
    await note.end(replace(same, ended_at=rfc3339(clock.now()), outcome="succeeded"))
    assert not await other.is_needed()


async def test_last_word_is_written_once_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store, clock = MemoryStore(), SteppedClock()
    await store.save(ScheduleRow("parity", Intent.RUNNING, owner="me", cycle=7, closed_cycle=6))
    watch = FenceWatch(_services(store, clock), {"schedule": "parity", "cycle": 7, "index": 0, "owner": "me"}, 300)
    await watch.enter()
    ended = Document(
        index=0, started_at=rfc3339(clock.now()), ended_at=rfc3339(clock.now()), outcome="failed", errors=[]
    )

    async def away(*_: object) -> bool:
        raise StoreUnavailableError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryStore, "note_execution", away)
        answer = asyncio.create_task(ProgressNote(store, clock, "parity", watch.note, lambda _: ended).end(ended))
        await clock.run(30)
    (noted,) = await store.executions("parity")
    assert not noted.has_ended
    assert not answer.done(), "an answer that is given while storage is away may be lost"
    await clock.run(5)
    (noted,) = await store.executions("parity")
    assert noted.has_ended
    assert answer.done()


def _row(executions: int) -> ScheduleRow:
    entry = UnclosedCycle(cycle=7, owner="me", decision=Decision(executions, ""))
    return ScheduleRow("parity", Intent.RUNNING, owner="me", cycle=7, closed_cycle=6, unclosed=(entry,))


def _note(clock: SteppedClock, index: int, *, ended: bool) -> ExecutionNote:
    now = rfc3339(clock.now())
    document = Document(index=index, started_at=now, ended_at=now if ended else None, noted_at=now, errors=[])
    return ExecutionNote("me", 7, index, f"run{index}", clock.now(), document.to_document())


def test_executions_are_done_once_all_have_begun_and_ended() -> None:
    clock = SteppedClock()
    first = _note(clock, 0, ended=True)
    clock.step(3)
    second = _note(clock, 1, ended=True)
    now = clock.now()
    assert done_at(_row(2), [first, second], now) == now
    assert done_at(_row(3), [first, second], now) is None
    silent = _note(clock, 1, ended=False)
    over = silent.until + REDELIVERED
    assert done_at(_row(2), [first, silent], over - timedelta(seconds=1)) is None
    assert done_at(_row(2), [first, silent], over) == over
    assert done_at(replace(_row(2), unclosed=()), [first, second], now) is None
    assert done_at(replace(_row(2), cycle=8), [first, second], now) is None
