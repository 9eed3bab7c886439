"""An idle schedule for hundreds of cycles: nothing grows, nothing spins. Real storage, the host's manual clock."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from composition import build_app
from devhost.clock import ManualClock
from devhost.host import Host
from ebb.core.settings.connection import resolve_connection
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.sources.storage_queue.account import open_account
from ebb.store.tables import TableStore
from tests.azurite import Azurite

ID = "ebb-idle"


class CountingStore(TableStore):
    """The real store, counting calls."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.calls = 0

    async def get(self, name: str) -> Any:
        self.calls += 1
        return await super().get(name)

    async def save(self, row: Any) -> Any:
        self.calls += 1
        return await super().save(row)

    async def write_cycle(self, schedule: str, cycle: Any) -> dict[str, Any] | None:
        self.calls += 1
        return await super().write_cycle(schedule, cycle)


class Idle:
    """A running host with one schedule."""

    def __init__(self, azurite: Azurite, folder: Path, settings: dict[str, Any]) -> None:
        environment = {"AzureWebJobsStorage": azurite.connection_string}
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        connection = resolve_connection("AzureWebJobsStorage", environment)
        self.store = CountingStore(connection, open_account, f"T{uuid.uuid4().hex[:12]}")
        source = {"type": "storageQueue", "queueName": f"idle{uuid.uuid4().hex[:12]}", "createQueue": True}
        schedule = {"source": source, "handler": "handlers.noop:handle", **settings}
        services = Services(Schedules({"idle": schedule}), self.store, self.clock, environment)
        self.broker = MemoryBroker(self.clock)
        if schedule["source"]["type"] == "memory":
            visible_only = schedule["queueLengthStrategy"] == "visibleonly"
            services.open_source = lambda *_, **__: MemorySource(self.broker, "idle", visible_only)
        self.state = folder / "state"
        self.host = Host(build_app(services), clock=self.clock, state=self.state)

    async def status(self) -> dict[str, Any]:
        path = f"/runtime/webhooks/durabletask/instances/{ID}?showInput=true&showHistory=true"
        async with self.host.http.get(path) as answer:
            return await answer.json()

    async def cycle(self) -> int:
        return (await self.store.get("idle")).cycle

    def rows(self) -> int:
        """Rows of the state file, all tables together; the host has let go of it by then."""
        with closing(sqlite3.connect(self.state / "state.db")) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return sum(connection.execute(f"SELECT count(*) FROM [{name}]").fetchone()[0] for name in tables)


@asynccontextmanager
async def running(azurite: Azurite, folder: Path, **settings: Any) -> AsyncIterator[Idle]:
    idle = Idle(azurite, folder, settings)
    try:
        async with idle.host:
            async with idle.host.http.post("/api/schedules/idle/start", json={}) as answer:
                assert answer.status == 202
            yield idle
    finally:
        await idle.store.close()


@pytest.mark.timeout(120)
async def test_500_idle_cycles_leave_history_input_and_cost_flat(azurite: Azurite, tmp_path: Path) -> None:
    async with running(azurite, tmp_path, pollingInterval=60, maxPollingInterval=60) as idle:
        seen: list[tuple[int, int, int]] = []
        for _ in range(6):
            calls, cycle = idle.store.calls, await idle.cycle()
            await idle.host.run_until(timedelta(minutes=85), patience_seconds=60)
            status = await idle.status()
            cycles = await idle.cycle() - cycle
            sizes = len(status["historyEvents"]), len(json.dumps(status["input"]))
            seen.append((*sizes, round((idle.store.calls - calls) / cycles)))
        assert await idle.cycle() >= 500
        assert len({(events, calls) for events, _, calls in seen}) == 1, seen
        assert max(size for _, size, _ in seen) - min(size for _, size, _ in seen) <= 4, seen
        assert seen[-1][0] < 12
        assert (await idle.store.cycles("idle")).value == []
    assert idle.rows() < 30


@pytest.mark.parametrize("strategy", ["all", "visibleonly"])
async def test_messages_that_wait_invisibly_do_not_make_it_spin(
    azurite: Azurite, tmp_path: Path, strategy: str
) -> None:
    memory = {"type": "memory", "queueName": "idle"}
    settings = {"pollingInterval": 30, "maxPollingInterval": 300, "queueLengthStrategy": strategy, "source": memory}
    async with running(azurite, tmp_path, **settings) as idle:
        for number in range(50):
            idle.broker.put("idle", str(number), delay=timedelta(hours=1))
        await idle.host.run_until(timedelta(minutes=59), patience_seconds=60)
        assert 12 <= await idle.cycle() <= 17
        await idle.host.run_until(timedelta(minutes=6), patience_seconds=60)
        assert (await idle.store.get("idle")).totals.processed == 50
