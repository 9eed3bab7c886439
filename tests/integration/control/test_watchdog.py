"""The watchdog on a running host: what should run comes back, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.control.watchdog import Watchdog
from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import Intent
from ebb.core.row.watch import Act, Judgment
from ebb.core.settings.schedules import Schedules
from ebb.sources.memory.source import BROKER
from ebb.store.memory import MemoryStore
from tests.integration.control.hub import ClockAhead, Hub, eventually, schedules

INSTANCE = "ebb-parity"


@pytest.fixture
async def running(hub: Hub) -> Hub:
    await hub.post("start")
    await hub.until(state="running", phase="waiting")
    return hub


async def look(hub: Hub) -> Act:
    return (await judgment(hub, Watchdog(hub.services))).act


async def judgment(hub: Hub, watchdog: Watchdog) -> Judgment:
    """What the watchdog does about the schedule, and why."""
    return (await watchdog.look(hub.host.client))["parity"]


@pytest.mark.parametrize("how", ["terminated", "purged"])
async def test_instance_that_is_gone_comes_back_once(running: Hub, how: str) -> None:
    await running.host.client.terminate(INSTANCE, "by an accident")
    await running.until(state="failed")
    if how == "purged":
        await running.host.client.purge_instance_history(INSTANCE)
    found = await asyncio.gather(*(look(running) for _ in range(5)))
    assert Act.START in found
    await running.until(state="running", phase="waiting")
    assert await look(running) is Act.NOTHING
    (incident,) = await running.events("incident")
    assert ("Terminated" if how == "terminated" else "gone") in incident["cause"]
    assert "it was started again 1 time in a row" in " ".join((await running.schedule())["warnings"])


@pytest.mark.parametrize("verb", ["stop", "pause"])
async def test_stopped_and_paused_schedules_stay_as_they_are(running: Hub, verb: str) -> None:
    await running.post(verb, {"reason": "x"})
    await running.until(state={"stop": "stopped", "pause": "paused"}[verb])
    if verb == "pause":
        await running.host.client.terminate(INSTANCE, "by an accident")
    assert await look(running) is Act.NOTHING
    await asyncio.sleep(0.2)
    assert await running.events("incident") == []


async def test_pause_ends_by_itself_although_its_instance_is_gone(running: Hub) -> None:
    hour = timedelta(hours=1)
    await running.post("pause", {"reason": "x", "until": rfc3339(datetime.now(UTC) + hour)})
    await running.host.client.terminate(INSTANCE, "by an accident")
    warned = "no instance is there while the schedule is paused; the watchdog starts one when the pause is over"

    async def warns() -> bool:
        return any(text.startswith(warned) for text in (await running.schedule())["warnings"])

    await eventually(warns, lambda: "the warning does not say how it goes on")
    assert await look(running) is Act.NOTHING
    await update(running.services.store, "parity", lambda row: replace(row, until=datetime.now(UTC) - hour / 60))
    assert await look(running) is Act.START
    document = await running.until(state="running", phase="waiting")
    assert (document["reason"], document["until"]) == ("the pause has ended", None)
    assert len(await running.events("incident")) == 1


async def test_schedule_that_keeps_dying_waits_for_its_next_start(running: Hub) -> None:
    for expected in (Act.START, Act.NOTHING):
        await running.host.client.terminate(INSTANCE, "by an accident")
        await running.until(state="failed")
        assert await look(running) is expected
        if expected is Act.START:
            await running.until(state="running", phase="waiting")
    assert len(await running.events("incident")) == 1
    status, _ = await running.post("start")
    assert status == 202, "an operator may start it at any time"
    await running.until(state="running", phase="waiting")


async def test_silent_instance_is_replaced(running: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, hung = ClockAhead(), asyncio.Event()
    watchdog = Watchdog(replace(running.services, clock=clock))

    async def never(_: object) -> None:
        await hung.wait()

    clock.ahead = timedelta(minutes=1)
    found = await judgment(running, watchdog)
    assert found.act is Act.NOTHING, "it promised to sleep for a minute"
    monkeypatch.setattr("ebb.sources.memory.source.MemorySource.measure", never)
    await running.post("trigger")
    await running.until(phase="measuring")
    monkeypatch.undo()
    clock.ahead = timedelta(minutes=6)
    found = await judgment(running, watchdog)
    assert found.act is Act.NOTHING, "its source may be slow"
    clock.ahead = timedelta(minutes=7)
    found = await judgment(running, watchdog)
    hung.set()
    assert found.act is Act.REPLACE, found
    await running.until(state="running", phase="waiting")
    (incident,) = await running.events("incident")
    assert "should have gone on by" in incident["cause"]


@pytest.mark.parametrize(
    ("last_of_step", "phase"), [("opening._tell", "measuring"), ("closing._trim", "processing")], ids=str
)
async def test_answer_that_was_lost_after_its_row_was_written_is_found_soon(
    running: Hub, monkeypatch: pytest.MonkeyPatch, last_of_step: str, phase: str
) -> None:
    """The activity has done its work, and the instance is never told."""
    clock, lost, written = ClockAhead(), asyncio.Event(), asyncio.Event()
    watchdog = Watchdog(replace(running.services, clock=clock))

    async def never(*_: object) -> None:
        written.set()
        await lost.wait()

    monkeypatch.setattr(f"ebb.control.{last_of_step}", never)
    BROKER.put(running.services.schedules["parity"].all_sources[0].label(), "")
    await running.post("trigger")
    async with asyncio.timeout(30):
        await written.wait()
    monkeypatch.undo()
    await running.until(phase=phase)
    clock.ahead = timedelta(seconds=55)
    found = await judgment(running, watchdog)
    assert found.act is Act.NOTHING, "it may be on its way"
    clock.ahead = timedelta(seconds=90)
    found = await judgment(running, watchdog)
    lost.set()
    assert found.act is Act.REPLACE, found
    assert "not told" in found.cause
    await running.until(state="running", phase="waiting")


async def test_instance_that_waits_for_a_place_behind_long_executions_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done, clock = asyncio.Event(), ClockAhead()

    async def long(_: object) -> None:
        await done.wait()

    monkeypatch.setattr("tests.integration.control.work.handle", long)
    both = {
        "parity": schedules()["parity"].to_document(),
        "busy": schedules(replicaTimeout=3600)["parity"].to_document(),
    }
    async with Hub(Schedules(both), activities=1) as hub:
        watchdog = Watchdog(replace(hub.services, clock=clock))
        await hub.post("start")
        await hub.until(state="running", phase="waiting")
        BROKER.put(both["busy"]["source"]["queueName"], "")
        await hub.call("POST", "schedules/busy/start")

        async def busy() -> bool:
            return bool(await hub.services.store.executions("busy"))

        await eventually(busy, lambda: "the other schedule does not work")
        await hub.post("trigger")
        await hub.until(phase="measuring")
        clock.ahead = timedelta(minutes=50)
        found = await watchdog.look(hub.host.client)
        assert {judgment.act for judgment in found.values()} == {Act.NOTHING}, found
        done.set()
        await hub.until(state="running", phase="waiting")
        assert await hub.events("incident") == []


async def test_suspended_instance_is_replaced_as_its_warning_says(running: Hub) -> None:
    clock = ClockAhead()
    watchdog = Watchdog(replace(running.services, clock=clock))
    await running.host.client.suspend(INSTANCE, "maintenance")
    (warning,) = (await running.schedule())["warnings"]
    assert "the watchdog replaces it once it is overdue" in warning
    assert (await judgment(running, watchdog)).act is Act.NOTHING
    clock.ahead = timedelta(hours=1)
    assert (await judgment(running, watchdog)).act is Act.REPLACE
    await running.until(state="running", phase="waiting")
    assert not any("suspended" in text for text in (await running.schedule())["warnings"])


@pytest.mark.parametrize("verb", ["stop", "pause"])
async def test_suspended_instance_of_a_schedule_that_shall_not_run_waits_to_be_resumed(running: Hub, verb: str) -> None:
    await running.host.client.suspend(INSTANCE, "maintenance")
    await running.post(verb, {"reason": "x"})
    (warning,) = (await running.schedule())["warnings"]
    assert "nothing goes on until it is resumed there" in warning


async def test_timer_brings_a_schedule_back() -> None:
    async with Hub(schedules(), EbbWatchdogSchedule="* * * * * *") as hub:
        await hub.post("start")
        await hub.until(state="running", phase="waiting")
        await hub.host.client.terminate(INSTANCE, "by an accident")
        await hub.until(state="failed")
        await hub.until(state="running", phase="waiting")
        assert len(await hub.events("incident")) == 1


async def test_old_history_is_forgotten(hub: Hub) -> None:
    now = datetime.now(UTC)
    for number, days in ((1, 91), (2, 89)):
        at = rfc3339(now - timedelta(days=days))
        await hub.services.store.write_cycle("parity", {"cycle": number, "startedAt": at, "endedAt": at})
    await hub.post("start")
    await hub.until(state="running", phase="waiting")
    watchdog = Watchdog(hub.services)
    await watchdog.look(hub.host.client)
    assert len((await hub.services.store.cycles("parity")).value) == 2, "not each minute"
    dead = ExecutionNote("HubA/ebb-parity/a", 1, 0, "one", now - timedelta(hours=2))
    alive = replace(dead, index=1, until=now + timedelta(minutes=1))
    for execution in (dead, alive):
        await hub.services.store.begin_execution("parity", execution)
    watchdog._since -= timedelta(hours=1)
    await watchdog.look(hub.host.client)
    assert [cycle["cycle"] for cycle in (await hub.services.store.cycles("parity")).value] == [2]
    assert [each.index for each in await hub.services.store.executions("parity")] == [1]


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        ({}, [3]),
        ({"historyLimit": 3}, [3, 2]),
        ({"historyMaxAge": "P100D", "historyLimit": 3}, [3, 2, 1]),
        ({"historyMaxAge": 0, "historyLimit": 3}, [3, 2, 1]),  # cannot be used, so nobody knows what is to be kept
    ],
)
async def test_history_is_kept_to_the_limits_in_force(overrides: dict[str, Any], kept: list[int]) -> None:
    async with Hub(schedules(historyLimit=1)) as hub:
        now, store = datetime.now(UTC), hub.services.store
        for number, days in ((1, 91), (2, 89), (3, 88)):
            at = rfc3339(now - timedelta(days=days))
            await store.write_cycle("parity", {"cycle": number, "startedAt": at, "endedAt": at})
        dead = ExecutionNote("HubA/ebb-parity/a", 1, 0, "one", now - timedelta(hours=2))
        await store.begin_execution("parity", dead)
        await update(store, "parity", lambda row: replace(row, overrides=overrides, reason="x"))
        watchdog = Watchdog(hub.services)
        watchdog._since -= timedelta(hours=1)
        await watchdog.look(hub.host.client)
        assert [cycle["cycle"] for cycle in (await store.cycles("parity")).value] == kept
        assert await store.executions("parity") == []


async def test_two_task_hubs_do_not_fight() -> None:
    known, store = schedules(), MemoryStore()
    async with Hub(known, store, "HubA") as one, Hub(known, store, "HubB") as two:
        await one.post("start")
        await one.until(state="running", phase="waiting")
        status, document = await two.post("start")
        assert (status, document["changed"], document["state"]) == (200, False, "running")
        assert "task hub HubA" in " ".join(document["warnings"])
        assert (await two.post("trigger"))[1]["code"] == "runsElsewhere"
        assert await look(two) is Act.NOTHING
        await one.host.client.terminate(INSTANCE, "by an accident")
        await one.until(state="failed")
        assert await look(two) is Act.NOTHING
        assert await look(one) is Act.START
        await one.until(state="running", phase="waiting")
        status, document = await two.post("stop", {"reason": "moving", "mode": "terminate"})
        assert document["state"] == "stopping"
        assert "only an app of that hub can" in " ".join(document["warnings"])
        status, problem = await two.post("start")
        assert (status, problem["code"]) == (409, "stillStopping")
        await one.host.client.raise_event(INSTANCE, "nudge", None)
        await one.until(state="stopped")
        assert (await two.post("start"))[0] == 202
        await two.until(state="running", phase="waiting", taskHub="HubB")
        assert (await one.schedule())["state"] == "running"
        assert await look(one) is Act.NOTHING
        assert (await store.get("parity")).intent is Intent.RUNNING


async def test_clock_that_is_set_back_ends_the_wait_and_is_told(running: Hub) -> None:
    watchdog = Watchdog(running.services)
    before = await running.schedule()
    await watchdog.look(running.host.client)
    assert await running.events("incident") == []
    watchdog._steps._clock = ahead = ClockAhead()
    ahead.ahead = timedelta(seconds=-60)
    await watchdog.look(running.host.client)
    (incident,) = await running.events("incident")
    assert "set back by 60 s" in incident["cause"]

    async def polled_again() -> bool:
        return (await running.schedule())["backlog"]["measuredAt"] != before["backlog"]["measuredAt"]

    await eventually(polled_again, lambda: "the wait goes on")
