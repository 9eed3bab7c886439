"""One schedule on the memory store and the memory source, for tests of the activities of its cycles."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ebb.control.opening import open_cycle
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState, Opening
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.execution.process import execute
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore

MINE = CycleState("job", "hub", owner="hub/ebb-job/1")
SETTINGS: dict[str, Any] = {
    "source": {"type": "memory", "queueName": "work"},
    "handler": "tests.unit.control.cycle_world:handle",
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


def closing(opening: Opening, executions: list[Mapping[str, Any]], state: CycleState = MINE) -> dict[str, Any]:
    processed = sum(int(execution["processed"]) for execution in executions)
    cycle = {
        "cycle": opening.cycle,
        "startedAt": opening.started_at,
        "endedAt": "2026-01-01T12:00:01.000Z",
        "backlog": opening.backlog.to_document() if opening.backlog else None,
        "decision": opening.decision.to_document(),
        "executions": executions,
        "processed": processed,
        "failed": 0,
        "poisoned": 0,
        "outcome": "succeeded",
        "error": None,
    }
    return {"state": state.to_json(), "settings": opening.settings, "received": processed, "cycle": cycle}
