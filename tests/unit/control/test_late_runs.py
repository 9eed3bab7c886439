"""A run of an execution that goes on after another one has answered for it: its cycle is not closed meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ebb.control.closing import close
from ebb.control.opening import open_cycle
from ebb.core.clock import rfc3339
from ebb.core.cycle import CycleState, Ending, Opening
from ebb.core.documents import Execution
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock, settle

STATE = CycleState("job", "hub", "hub/ebb-job/1")


class Cycle:
    """A cycle whose only execution has answered, and that is about to be closed."""

    def __init__(self) -> None:
        self.clock, self.store = SteppedClock(), MemoryStore()
        self.services = Services(
            Schedules({"job": {"source": {"type": "memory"}, "handler": "handlers.noop:handle"}}),
            self.store,
            clock=self.clock,
            environment={},
            open_source=lambda *_, **__: MemorySource(MemoryBroker(self.clock), "work"),
        )

    async def begin(self) -> None:
        await self.store.save(ScheduleRow("job", Intent.RUNNING))
        self.opening = Opening.from_json((await open_cycle(self.services, STATE)).to_json())

    async def note(self, run: str, *, ended: bool = False) -> None:
        """Let a run say now that it is at work, or that it has ended."""
        now = rfc3339(self.clock.now())
        document = Execution(index=0, started_at=now, processed=7, noted_at=now, errors=[])
        if ended:
            document = replace(document, ended_at=now, outcome="succeeded")
        until = self.clock.now() + timedelta(hours=1)
        note = ExecutionNote(STATE.owner, self.opening.cycle or 0, 0, run, until, document.to_document())
        await self.store.begin_execution("job", note)

    def close(self, run: str | None) -> asyncio.Task[Ending]:
        now = rfc3339(self.clock.now())
        answer = Execution(index=0, started_at=now, ended_at=now, outcome="succeeded", errors=[], run=run)
        cycle: dict[str, Any] = {
            "cycle": self.opening.cycle, "startedAt": now, "endedAt": now, "backlog": None,
            "decision": self.opening.decision.to_json(), "executions": [answer.to_document()], "processed": 0,
            "failed": 0, "poisoned": 0, "abandoned": 0, "outcome": "succeeded", "error": None,
        }  # fmt: skip
        order = {"state": STATE.to_json(), "settings": self.opening.settings, "received": 0, "cycle": cycle}
        return asyncio.create_task(close(self.services, order))


@pytest.fixture
async def cycle() -> Cycle:
    made = Cycle()
    await made.begin()
    return made


async def test_close_waits_for_a_run_that_is_at_work_and_counts_it(cycle: Cycle) -> None:
    await cycle.note("late")
    closing = cycle.close("quick")
    for _ in range(6):
        await cycle.clock.run(5)
        await cycle.note("late")
    assert not closing.done()
    await cycle.note("late", ended=True)
    await cycle.clock.run(3)
    assert closing.done()
    assert (await cycle.store.get("job")).totals.processed == 7


async def test_close_does_not_wait_long_for_a_run_that_has_fallen_silent(cycle: Cycle) -> None:
    await cycle.note("dead")
    closing = cycle.close("quick")
    await cycle.clock.run(15)
    assert closing.done()


async def test_close_does_not_wait_for_a_run_that_has_answered_without_its_last_note(cycle: Cycle) -> None:
    await cycle.note("quick")
    closing = cycle.close("quick")
    await settle()
    assert closing.done()
