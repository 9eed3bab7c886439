"""Messages that were received before a crash: handled one by one, each by itself, until the culprit is named."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.errors import StoreUnavailableError
from ebb.core.message import Message
from ebb.core.remarks import alone_scope, remember_crash
from ebb.core.row.execution_note import ExecutionNote
from ebb.execution.execution import run_execution
from ebb.execution.execution_report import ExecutionReport
from ebb.execution.suspicion import NoSuspicion, StoredSuspicion, has_crashed
from ebb.execution.turns import HandlerTurns
from ebb.store.memory import MemoryStore
from tests.clocks import settle
from tests.executions import Execution

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ME = ExecutionNote("hub/ebb-s/1", 5, 2, "mine", NOW + timedelta(minutes=5))
LASTS = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("noted", "crashed"),
    [
        (ME, False),
        (replace(ME, run="before"), True),  # this very execution was begun before
        (replace(ME, run="x", cycle=4, index=0), True),  # its cycle is over, it never said so
        (replace(ME, run="x", index=3), False),  # at work beside this one
        (replace(ME, run="x", owner="hub/ebb-s/0", index=3), False),  # may be at work
        (replace(ME, run="x", owner="hub/ebb-s/0", until=NOW - timedelta(minutes=1)), True),
        (replace(ME, run="x", cycle=4, until=NOW - timedelta(minutes=11)), False),  # long ago
        (replace(ME, run="before", document={"endedAt": "2026-01-31T12:00:00.000Z"}), False),  # it said its last word
    ],
)
def test_note_that_stays_tells_of_a_crash(noted: ExecutionNote, crashed: bool) -> None:
    assert has_crashed([ME, noted], ME, LASTS, NOW) == crashed


class Ground:
    """An execution with a store, in which an earlier run of it is noted if it `crashed`."""

    def __init__(self, crashed: bool, **settings: object) -> None:
        self.execution = Execution(**settings)
        self.store, self.turns = MemoryStore(), HandlerTurns()
        self.crashed = crashed
        self.at_work, self.most = 0, 0

    async def run(self, *received: int, seconds: float = 1) -> object:
        """Handle a message for each number: how often it was received before."""
        clock = self.execution.clock
        me = replace(ME, until=clock.now() + timedelta(minutes=5))
        if self.crashed:
            await self.store.begin_execution("s", replace(me, run="before"))
        for id_, number in zip(self.execution.put(*map(str, range(len(received)))), received, strict=True):
            self.execution.queue.messages[id_].dequeue_count = number

        async def handler(message: Message) -> None:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            await clock.sleep(seconds)
            self.at_work -= 1

        running = asyncio.create_task(
            run_execution(
                self.execution.source,
                handler,
                self.execution.settings,
                reason_to_stop=self.execution.reason_to_stop,
                clock=clock,
                turns=self.turns,
                suspicion=StoredSuspicion(self.store, "s", me, timedelta(seconds=60), clock),
            )
        )
        await clock.run(60)
        return await running


WHOSE = contextvars.ContextVar("WHOSE", default="nobody's")


class Crashed(NoSuspicion):
    async def crashed(self) -> bool:
        return True


async def test_a_handler_that_had_to_wait_for_others_runs_in_the_context_of_its_own_execution() -> None:
    first, second, seen = Execution(concurrency=1), Execution(concurrency=1), list[tuple[str, str]]()
    turns = HandlerTurns()
    (before,) = first.put("first")
    first.queue.messages[before].dequeue_count = 1  # received before a crash, so it is handled by itself
    second.put("second")

    def start(execution: Execution, name: str) -> asyncio.Task[ExecutionReport]:
        async def handler(message: Message) -> None:
            seen.append((name, WHOSE.get()))
            await execution.clock.sleep(3)

        async def work() -> ExecutionReport:
            WHOSE.set(name)
            return await run_execution(
                execution.source,
                handler,
                execution.settings,
                reason_to_stop=execution.reason_to_stop,
                clock=execution.clock,
                turns=turns,
                suspicion=Crashed(),
            )

        return asyncio.create_task(work())

    running = [start(first, "first"), start(second, "second")]
    await settle()
    assert seen == [("first", "first")]
    for _ in range(10):
        await first.clock.run(1)
        await second.clock.run(1)
    await asyncio.gather(*running)
    assert seen == [("first", "first"), ("second", "second")]


async def test_messages_received_before_run_by_themselves_after_a_crash() -> None:
    ground = Ground(crashed=True, executionSlice=60)
    report = await ground.run(1, 1, 1)
    assert (report.processed, ground.most) == (3, 1)
    assert await ground.store.remarks(alone_scope("s")) == {}


async def test_fresh_messages_and_ordinary_retries_run_together() -> None:
    ground = Ground(crashed=True, executionSlice=60)
    await ground.run(0, 0, 0)
    assert ground.most == 3
    ground = Ground(crashed=False, executionSlice=60)
    await ground.run(1, 2, 1)
    assert ground.most == 3


async def test_nothing_of_another_execution_in_the_process_runs_beside_it() -> None:
    ground = Ground(crashed=True, executionSlice=60)
    turns = ground.turns
    assert turns.enter(False, lambda: None)  # another execution's handler
    running = asyncio.create_task(ground.run(1))
    await settle()
    assert ground.at_work == 0
    assert not turns.enter(False, lambda: None), "nor does one begin before it"
    turns.leave(False)
    await running
    assert ground.most == 1


async def test_note_is_there_while_it_runs_and_counts_what_never_ended() -> None:
    ground = Ground(crashed=True, executionSlice=60)
    await ground.store.write_remark(alone_scope("s"), "00000001", NOW, {"tries": 2})
    running = asyncio.create_task(ground.run(1, seconds=100))
    await settle()
    assert await ground.store.remarks(alone_scope("s")) == {"00000001": {"tries": 3}}
    await ground.execution.clock.run(200)
    await running
    assert await ground.store.remarks(alone_scope("s")) == {}


async def test_who_was_received_too_often_is_poisoned_only_if_it_was_alone_when_the_process_ended() -> None:
    ground = Ground(crashed=True, executionSlice=60, maxDequeueCount=5)
    await ground.store.write_remark(alone_scope("s"), "00000002", NOW, {"tries": 4})
    report = await ground.run(5, 5)
    assert (report.processed, report.poisoned) == (1, 1)
    (poison,) = ground.execution.queue.poisoned
    assert poison.id == "00000002"
    assert "received 6 times, more than maxDequeueCount (5)" in poison.reason
    assert "4 times nothing else was at work in its process" in poison.reason


async def test_stop_gives_back_who_waits_for_a_turn() -> None:
    ground = Ground(crashed=True, executionSlice=60)
    assert ground.turns.enter(False, lambda: None)
    running = asyncio.create_task(ground.run(1))
    await settle()
    ground.execution.stop_reason = "stopped"
    report = await running
    assert (report.processed, report.released, ground.most) == (0, 1, 0)
    ground.turns.leave(False)
    assert ground.turns.enter(True, lambda: None), "nobody waits any more"


async def test_suspect_does_not_begin_while_it_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    ground = Ground(crashed=True, executionSlice=60)

    async def away(*_: object) -> None:
        raise StoreUnavailableError("tables are away")

    monkeypatch.setattr(ground.store, "write_remark", away)
    report = await ground.run(1)
    assert (report.ended, report.lost, ground.most) == ("failed", 1, 0)
    assert "tables are away" in str(report.error)


async def test_crash_whose_note_is_forgotten_is_remembered_for_a_while() -> None:
    for minutes, alone in ((1, True), (30, False)):
        ground = Ground(crashed=False, executionSlice=60)
        until = ground.execution.clock.now() - timedelta(minutes=minutes)
        await remember_crash(ground.store, "s", until, until)
        await ground.run(1, 1)
        assert (ground.most == 1) == alone
