"""An execution of a strict lane makes way for the lanes above it, when nobody works on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.documents import Execution
from ebb.core.errors import SourceUnavailableError, StoreUnavailableError
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.settings.schedules import Schedules
from ebb.core.settings.validation import validate_settings
from ebb.execution.lanes_above import LanesAbove
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore

OWNER, CYCLE = "hub/ebb-job/1", 7
UNTIL = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(hours=1)
SOURCES: list[dict[str, Any]] = [
    {"type": "memory", "queueName": "urgent"},
    {"type": "memory", "queueName": "mails", "activationQueueLength": 2},
    {"type": "memory", "queueName": "bulk"},
]


class Store(MemoryStore):
    """A store that may be away."""

    away = False

    async def executions(self, schedule: str) -> list[ExecutionNote]:
        if self.away:
            raise StoreUnavailableError("the store is away")
        return await super().executions(schedule)


class Cycle:
    """A cycle with two executions on the first lane and two on the last, the second of which looks."""

    def __init__(self, lanes: str = "strict", source: int = 2) -> None:
        self.store, self.broker = Store(), MemoryBroker()
        settings = {"handler": "handlers.noop:handle", "sources": SOURCES, "lanes": lanes}
        self.settings = validate_settings(settings)
        services = Services(
            Schedules({"job": settings}),
            self.store,
            environment={},
            open_source=lambda settings, *_, **__: MemorySource(self.broker, settings.all_sources[0].label()),
        )
        order = {"schedule": "job", "source": source, "share": [1, 2]}
        self.watch = LanesAbove(services, self.settings, order, ExecutionNote(OWNER, CYCLE, 3, "mine", UNTIL))

    async def note(self, index: int, *, ended: bool, cycle: int = CYCLE) -> None:
        end = {"ended_at": "2030-01-01T00:00:00.000Z", "outcome": "succeeded"} if ended else {}
        document = Execution(index=index, started_at="2030-01-01T00:00:00.000Z", errors=[], **end).to_document()
        await self.store.begin_execution("job", ExecutionNote(OWNER, cycle, index, f"run{index}", UNTIL, document))

    async def have_ended(self) -> None:
        for index in (0, 1):
            await self.note(index, ended=True)


async def test_it_makes_way_once_the_executions_above_have_ended() -> None:
    cycle = Cycle()
    cycle.broker.put("urgent", "")
    await cycle.note(0, ended=True)
    assert not await cycle.watch.want_its_place()  # one has not begun
    await cycle.note(1, ended=True, cycle=CYCLE - 1)
    assert not await cycle.watch.want_its_place()  # that was another cycle's
    await cycle.note(1, ended=False)
    assert not await cycle.watch.want_its_place()  # it is at work
    await cycle.note(1, ended=True)
    assert await cycle.watch.want_its_place()


async def test_it_makes_way_only_for_what_is_worth_acting_on() -> None:
    cycle = Cycle()
    await cycle.have_ended()
    for _ in range(2):
        cycle.broker.put("mails", "")
        assert not await cycle.watch.want_its_place()
    cycle.broker.put("bulk", "")
    assert not await cycle.watch.want_its_place()
    cycle.broker.put("mails", "")
    assert await cycle.watch.want_its_place()


@pytest.mark.parametrize(("lanes", "source"), [("none", 2), ("weighted", 2), ("strict", 0)])
async def test_other_lanes_and_the_first_one_make_no_way(lanes: str, source: int) -> None:
    cycle = Cycle(lanes, source)
    await cycle.have_ended()
    for name in ("urgent", "mails", "bulk"):
        for _ in range(9):
            cycle.broker.put(name, "")
    assert not await cycle.watch.want_its_place()


async def test_what_cannot_be_looked_at_is_no_reason() -> None:
    cycle = Cycle()
    await cycle.have_ended()
    cycle.broker.put("urgent", "")
    for name in ("urgent", "mails"):
        cycle.broker.create(name).fault = SourceUnavailableError("away")
    assert not await cycle.watch.want_its_place()
    cycle.broker.create("urgent").fault = None
    assert await cycle.watch.want_its_place()
    cycle.store.away = True
    assert not await cycle.watch.want_its_place()
