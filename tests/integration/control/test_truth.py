"""What an operator reads is true: outcomes, work in progress, books after a terminate, and events of its own accord."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.clock import rfc3339
from ebb.core.row.schedule_row import Totals
from ebb.store.base import update
from tests.integration.control.hub import Hub, eventually, schedules


async def test_job_that_always_fails_is_told_at_once() -> None:
    known = schedules(source={"type": "tick"}, handler="tests.integration.control.work:fail", pollingInterval=0.1)
    async with Hub(known) as hub:
        await hub.post("start")

        async def failed_often() -> bool:
            return int((await hub.schedule())["failedCycles"]) >= 3

        await eventually(failed_often, lambda: "no failed cycles")
        document = await hub.schedule()
        assert document["lastCycle"]["outcome"] == "failed"
        assert document["lastCycle"]["errors"][0]["type"] == "ValueError"
        assert document["lastError"]["message"] == "ValueError: this job never works"
        assert document["lastError"]["count"] >= 3
        assert any("nothing succeeded in the last" in warning for warning in document["warnings"])
        status, health, _ = await hub.call("GET", "health")
        assert (status, health["status"]) == (200, "degraded")


async def test_status_tells_how_many_messages_are_in_the_poison_place() -> None:
    async with Hub(schedules(maxDequeueCount=1)) as hub:
        hub.put("no number", "0")
        await hub.post("start")

        async def is_counted() -> bool:
            return ((await hub.schedule())["poison"] or {}).get("count") == 1

        await eventually(is_counted, lambda: "the poison place is not counted")
        document = await hub.schedule()
        assert document["poison"]["measuredAt"] <= rfc3339(datetime.now(UTC))
        assert document["totals"]["poisoned"] == 1


async def test_work_in_progress_is_seen_while_it_goes_on() -> None:
    known = schedules(handler="tests.integration.control.work:tell", concurrency=1, queueLength=9)
    async with Hub(known) as hub:
        hub.put("0", "6")
        await hub.post("start")
        seen: list[dict[str, Any]] = []

        async def progress() -> bool:
            seen[:] = (await hub.schedule())["executions"]
            return any(each.get("progress") for each in seen)

        await eventually(progress, lambda: f"no progress in {seen}")
        (execution,) = seen
        assert (execution["processed"], execution["progress"]) == (1, "1 of 2 pages")
        assert execution["currentMessageAge"] > 0
        assert (await hub.schedule())["phaseSince"] is not None


async def test_terminated_cycle_keeps_what_it_did() -> None:
    known = schedules(handler="tests.integration.control.work:handle", concurrency=1, queueLength=9)
    async with Hub(known) as hub:
        hub.put("0", "0", "0", "3")
        await hub.post("start")

        async def is_working() -> bool:
            return any(each["processed"] == 3 for each in (await hub.schedule())["executions"])

        await eventually(is_working, lambda: "nothing was processed")
        await hub.post("stop", {"reason": "now", "mode": "terminate"})

        async def is_closed() -> bool:
            _, answer = await hub.post("repair", {"reason": "after the terminate"})
            return bool(answer["closed"])

        await eventually(is_closed, lambda: "the cycle was not closed")
        _, cycle, _ = await hub.call("GET", "schedules/parity/cycles/1")
        assert cycle["outcome"] == "terminated"
        assert cycle["processed"] == (await hub.schedule())["totals"]["processed"] >= 3
        assert [event["action"] for event in await hub.events("incident")] == ["closed"]


@pytest.mark.parametrize(
    ("totals", "trimmed"), [(Totals(cycles=1, processed=1), False), (Totals(cycles=9, processed=1), True)]
)
async def test_repair_holds_the_totals_against_the_history(hub: Hub, totals: Totals, trimmed: bool) -> None:
    hub.put("0", "0")
    await hub.post("start")
    await hub.until(phase="waiting")
    await hub.post("stop", {"reason": "looking"})
    await hub.until(state="stopped")
    await update(hub.services.store, "parity", lambda row: replace(row, totals=totals))
    status, answer = await hub.post("repair", {"reason": "they differ"})
    assert (status, answer["trimmed"], answer["after"]["processed"]) == (200, trimmed, 2)
    assert answer["after"].get("atLeast", False) is trimmed
    assert (await hub.events("audit"))[-1]["action"] == "repair"
    assert (await hub.post("repair", {}))[0] == 400


async def test_end_of_a_schedule_and_of_a_pause_are_events() -> None:
    async with Hub(schedules(source={"type": "tick"}, endAfter={"cycles": 1}, pollingInterval=0.1)) as hub:
        await hub.post("start")
        await hub.until(state="stopped")
        await asyncio.sleep(0.1)
        latest = (await hub.events("audit"))[-1]
        assert (latest["action"], latest["by"]) == ("stop", "endAfter")
    async with Hub(schedules(source={"type": "tick"}, pollingInterval=0.1, maxPollingInterval=0.2)) as hub:
        await hub.post("start")
        await hub.until(phase="waiting")
        until = rfc3339(datetime.now(UTC) + timedelta(seconds=1))
        await hub.post("pause", {"reason": "the database moves", "until": until})

        async def is_over() -> bool:
            found = [each for each in await hub.events("audit") if each["action"] == "resume"]
            return [each["by"] for each in found] == ["the pause's end"]

        await eventually(is_over, lambda: "the end of the pause is no event")


async def test_schedule_that_is_paused_names_no_next_cycle_but_the_end_of_its_pause(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    await hub.post("pause", {"reason": "the database moves"})

    async def has_seen_it() -> bool:
        return "paused" in ((await hub.schedule())["nextCycleReason"] or "")

    await eventually(has_seen_it, lambda: "the pause does not stand in the status")
    assert (await hub.schedule())["nextCycleAt"] is None, "when it looks at its intent again is no cycle"
    until = rfc3339(datetime.now(UTC) + timedelta(hours=1))
    await hub.post("pause", {"reason": "it takes longer", "until": until})
    assert (await hub.schedule())["nextCycleAt"] == until
