"""GET /api/schedules/{name}/plan through the whole app on the local host: what comes next, and that nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from composition import build_app
from devhost.clock import ManualClock
from devhost.host import Host
from ebb.core.errors import SourceUnavailableError, StoreUnavailableError
from ebb.core.names import NUDGE, instance_id
from ebb.core.row.schedule_row import Intent
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.base import update
from ebb.store.memory import MemoryStore

BASE: dict[str, Any] = {
    "source": {"type": "memory", "queueName": "work"},
    "handler": "handlers.noop:handle",
    "queueLength": 5,
    "maxExecutions": 3,
}


class World:
    def __init__(self, host: Host, services: Services, broker: MemoryBroker) -> None:
        self.host, self.services, self.broker = host, services, broker

    async def ask(self, path: str = "job/plan", method: str = "GET", **body: Any) -> tuple[int, dict[str, Any]]:
        async with self.host.http.request(method, f"/api/schedules/{path}", json=body or None) as answer:
            return answer.status, await answer.json(content_type=None)

    async def plan(self) -> dict[str, Any]:
        status, document = await self.ask()
        assert status == 200, document
        return document

    def put(self, count: int, queue: str = "work") -> None:
        for _ in range(count):
            self.broker.put(queue, "")


@asynccontextmanager
async def world(**settings: Any) -> AsyncIterator[World]:
    clock = ManualClock()
    broker = MemoryBroker(clock)
    given = {**BASE, **settings}
    if "sources" in given:
        del given["source"]
    services = Services(
        Schedules({"job": given}),
        MemoryStore(),
        clock=clock,
        environment={},
        open_source=lambda each, *_, **__: MemorySource(broker, each.source.label()),
    )
    async with Host(build_app(services), clock=clock, grace_seconds=0.0) as host:
        yield World(host, services, broker)


async def test_plan_of_a_stopped_schedule_says_what_a_start_would_do() -> None:
    async with world() as one:
        one.put(37)
        document = await one.plan()
        assert document["name"] == "job"
        assert document["blockedBy"] == "stopped"
        now = "2026-01-01T00:00:00.000Z"
        assert document["backlog"] == {"count": 37, "measuredAt": now, "oldestEnqueuedAt": now}
        assert document["decision"] == {
            "executions": 3,
            "reason": "37 messages at 5 each want 8 executions, held to 3 by maxExecutions",
            "limitedBy": "maxExecutions",
            "code": "heldToMaximum",
        }
        assert document["wait"] is None


async def test_plan_changes_nothing() -> None:
    async with world() as one:
        one.put(7)
        before = await one.services.store.get("job")
        assert await one.plan() == await one.plan()
        assert await one.services.store.get("job") == before
        assert len(one.broker.queues["work"].messages) == 7


async def test_plan_of_an_idle_schedule_says_how_long_it_waits_and_why() -> None:
    async with world(maxPollingInterval=300) as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(seconds=100))
        document = await one.plan()
        assert document["blockedBy"] is None
        assert document["decision"]["reason"] == "nothing is waiting"
        assert document["wait"]["reason"].startswith("4 idle cycles in a row; polling again in 4 min")


async def test_plan_uses_what_the_schedule_has_learned() -> None:
    async with world(scalingStrategy="drainTime", concurrency=1) as one:
        await one.ask("job/start", "POST", reason="test")
        one.put(20)
        await one.host.run_until(timedelta(seconds=100))
        document = await one.plan()
        assert document["rates"]["arrivalsPerSecond"] is not None


async def test_plan_of_a_schedule_that_waits_is_for_the_end_of_its_wait() -> None:
    async with world(pollingInterval=600, maxPollingInterval=600) as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(seconds=100))
        _, status = await one.ask("job", "GET")
        begins = (await one.plan())["beginsAt"]
        assert begins == status["nextCycleAt"]
        assert begins > "2026-01-01T00:09"


async def test_plan_of_a_cron_schedule_is_for_its_next_tick() -> None:
    async with world(waitMode="cron", cron="30 2 * * *") as one:
        one.put(4)
        document = await one.plan()
        assert document["beginsAt"] == "2026-01-01T02:30:00.000Z"
        assert document["decision"]["executions"] == 1
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(hours=1))
        assert (await one.plan())["beginsAt"] == "2026-01-01T02:30:00.000Z"


async def test_trigger_runs_a_cron_schedule_before_its_tick_and_keeps_the_tick() -> None:
    async with world(waitMode="cron", cron="30 2 * * *") as one:
        one.put(4)
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(hours=1))
        assert (await one.services.store.get("job")).totals.processed == 0
        status, _ = await one.ask("job/trigger", "POST")
        assert status == 202
        await one.host.run_until(timedelta(seconds=60))
        assert (await one.services.store.get("job")).totals.processed == 4
        assert (await one.plan())["beginsAt"] == "2026-01-01T02:30:00.000Z"


async def test_nudge_without_a_trigger_looks_at_new_settings_and_does_not_run_early() -> None:
    async with world(waitMode="cron", cron="30 2 * * *") as one:
        one.put(4)
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(hours=1))
        status, _ = await one.ask("job/settings", "PATCH", cron="45 1 * * *")
        assert status == 200
        await one.host.client.raise_event(instance_id("job"), NUDGE, None)
        await one.host.run_until(timedelta(minutes=1))
        assert (await one.services.store.get("job")).totals.processed == 0
        await one.host.run_until(timedelta(minutes=45))
        assert (await one.services.store.get("job")).totals.processed == 4


async def test_tick_that_passes_while_the_instance_is_gone_is_made_up_by_the_watchdog() -> None:
    async with world(waitMode="cron", cron="30 2 * * *") as one:
        one.put(4)
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(hours=2, minutes=29, seconds=30))
        await one.host.client.terminate(instance_id("job"), "lost")
        await one.host.run_until(timedelta(minutes=5))
        row = await one.services.store.get("job")
        assert row.restarted_at is not None
        assert row.totals.processed == 4
        assert (await one.plan())["beginsAt"] == "2026-01-02T02:30:00.000Z"


async def test_instance_that_was_lost_long_before_its_tick_still_waits_for_it() -> None:
    async with world(waitMode="fixedRate", pollingInterval=7200) as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(minutes=30))
        await one.host.client.terminate(instance_id("job"), "lost")
        await one.host.run_until(timedelta(minutes=15))
        assert (await one.services.store.get("job")).restarted_at is not None
        assert (await one.plan())["beginsAt"] == "2026-01-01T02:00:00.000Z"


async def test_start_by_an_operator_begins_anew() -> None:
    async with world(waitMode="fixedRate", pollingInterval=7200) as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(minutes=30))
        await one.ask("job/stop", "POST", reason="test")
        await one.host.run_until(timedelta(minutes=1))
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(minutes=1))
        assert (await one.plan())["beginsAt"] == "2026-01-01T02:31:00.000Z"


async def test_plan_of_several_sources_shares_the_executions() -> None:
    sources = [{"type": "memory", "queueName": "orders"}, {"type": "memory", "queueName": "mails"}]
    async with world(sources=sources, multipleScalersCalculation="sum") as one:
        one.put(9, "orders")
        one.put(2, "mails")
        document = await one.plan()
        assert document["shares"] == [{"name": "orders", "executions": 2}, {"name": "mails", "executions": 1}]
        assert document["backlog"]["sources"][0] == {"name": "orders", "count": 9, "error": None}


async def test_plan_of_lanes_says_who_gets_what_and_why() -> None:
    sources = [{"type": "memory", "queueName": "orders"}, {"type": "memory", "queueName": "mails"}]
    async with world(sources=sources, maxExecutions=2, lanes="strict") as one:
        one.put(90, "orders")
        one.put(2, "mails")
        document = await one.plan()
        assert document["shares"] == [{"name": "orders", "executions": 2}, {"name": "mails", "executions": 0}]
        assert document["decision"]["reason"].endswith("; lanes in order: orders 2, mails 0 (waits)")


async def test_plan_outside_the_windows_is_for_the_next_opening() -> None:
    async with world(windows=[{"start": "06:00", "end": "07:00"}]) as one:
        one.put(4)
        document = await one.plan()
        assert document["beginsAt"] == "2026-01-01T06:00:00.000Z"
        assert document["decision"]["executions"] == 1


async def test_plan_with_overrides_that_no_longer_fit_says_so() -> None:
    async with world() as one:
        await update(one.services.store, "job", lambda row: replace(row, overrides={"maxExecutions": 0}))
        document = await one.plan()
        assert document["decision"]["executions"] == 0
        assert document["decision"]["reason"].startswith("not measured: settings are refused: maxExecutions: 0")


async def test_plan_of_a_paused_schedule_says_who_holds_it() -> None:
    async with world() as one:
        pause = {"intent": Intent.PAUSED, "reason": "migration"}
        await update(one.services.store, "job", lambda row: replace(row, **pause))
        assert (await one.plan())["blockedBy"] == "paused: migration"


async def test_plan_of_a_schedule_that_is_paused_before_it_ever_worked_counts_no_idle_cycle() -> None:
    async with world() as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(seconds=40))
        before = (await one.plan())["wait"]["reason"]
        assert before.startswith("3 idle cycles in a row")
        await one.ask("job/pause", "POST", reason="migration")
        await one.host.run_until(timedelta(seconds=1))
        document = await one.plan()
        assert (document["blockedBy"], document["wait"]["reason"]) == ("paused: migration", before)


async def test_plan_while_the_executions_of_a_dead_instance_are_waited_for() -> None:
    async with world() as one:
        owner, until = f"{one.host.settings.hub_name}/ebb-job/dead", one.services.clock.now() + timedelta(seconds=60)
        dead = {"owner": owner, "owner_until": until, "working_until": until}
        await update(one.services.store, "job", lambda row: replace(row, **dead))
        one.put(7)
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(seconds=1))
        assert "executions of an earlier run" in (await one.ask("job"))[1]["nextCycleReason"]
        assert (await one.plan())["decision"]["executions"] == 2


async def test_plan_after_a_cycle_that_the_store_did_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world() as one:
        await one.ask("job/start", "POST", reason="test")
        await one.host.run_until(timedelta(seconds=1))
        with monkeypatch.context() as outage:
            away = AsyncMock(side_effect=StoreUnavailableError("the tables are away"))
            outage.setattr(one.services.store, "get", away)
            outage.setattr(one.services.store, "save", away)
            await one.host.run_until(timedelta(minutes=9))  # longer than an answer waits for the store
            assert away.await_count
        assert (await one.ask("job"))[1]["error"] == "the tables are away"
        assert (await one.plan())["wait"]["reason"].startswith("2 idle cycles in a row")


async def test_unknown_schedule_and_source_that_is_away_are_problems() -> None:
    async with world() as one:
        status, document = await one.ask("nothing/plan")
        assert (status, document["code"]) == (404, "unknownSchedule")
        one.broker.create("work").fault = SourceUnavailableError("127.0.0.1:1 cannot be reached")
        status, document = await one.ask()
        assert (status, document["code"]) == (503, "sourceUnavailable")
        assert document["detail"] == "127.0.0.1:1 cannot be reached"
