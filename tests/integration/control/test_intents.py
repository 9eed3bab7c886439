"""Start, stop, pause, resume and trigger over HTTP, on a running host."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ebb.core.clock import rfc3339
from ebb.core.contract.store import update
from ebb.core.row.schedule_row import Intent
from tests.integration.control import work
from tests.integration.control.hub import Hub, eventually, schedules


async def test_start_twice_changes_once(hub: Hub) -> None:
    status, document, headers = await hub.call("POST", "schedules/parity/start", {"reason": "go"})
    assert (status, document["changed"], document["reason"]) == (202, True, "go")
    assert headers["Location"].endswith("/api/schedules/parity")
    assert headers["Retry-After"] == "1"
    await hub.until(state="running", phase="waiting")
    status, document = await hub.post("start", {})
    assert (status, document["changed"], document["state"]) == (200, False, "running")


async def test_verbs_on_a_stopped_schedule_say_so(hub: Hub) -> None:
    for verb, body in (("pause", {"reason": "x"}), ("resume", {}), ("trigger", {})):
        status, problem = await hub.post(verb, body)
        assert (status, problem["code"]) == (409, "notRunning"), verb
    status, document = await hub.post("stop", {"reason": "again"})
    assert (status, document["changed"], document["reason"]) == (200, False, None)


async def test_stop_ends_the_instance_and_a_start_brings_it_back(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    status, document = await hub.post("stop", {"reason": "deploying"})
    assert (status, document["changed"], document["reason"]) == (202, True, "deploying")
    await hub.until(state="stopped")
    status, _ = await hub.post("start")
    assert status == 202
    await hub.until(state="running", phase="waiting", cycle=2)


async def test_start_right_after_stop_and_terminate_never_hangs(hub: Hub) -> None:
    for mode in ("graceful", "terminate") * 4:
        assert (await hub.post("start"))[0] == 202
        await hub.post("stop", {"reason": "x", "mode": mode})
    assert (await hub.post("start"))[0] == 202
    await hub.until(state="running", phase="waiting")


async def test_starts_and_stops_at_once_end_as_the_last_one_accepted(hub: Hub) -> None:
    for round_ in range(6):
        verbs = [("start", None), ("stop", {"reason": "x"})] * 4
        await asyncio.gather(*(hub.post(verb, body) for verb, body in verbs))
        row = await hub.services.store.get("parity")
        await hub.until(state="running" if row.intent == "running" else "stopped")
        assert (await hub.schedule())["state"] == row.intent, round_


async def test_stop_waits_for_the_message_in_hand_only(hub: Hub) -> None:
    hub.put(1.5, *[0.5] * 40)
    await hub.post("start", {"settings": {"concurrency": 1, "batchSize": 1, "maxExecutions": 1}})
    await eventually(_working, lambda: "no message was taken")
    began = asyncio.get_running_loop().time()
    await hub.post("stop", {"reason": "enough"})
    await hub.until(state="stopped")
    assert asyncio.get_running_loop().time() - began < 5 + 1.5 + 1
    assert not work.at_work
    (cycle,) = (await hub.services.store.cycles("parity")).value
    assert cycle["outcome"] == "stopped"


async def test_start_wakes_an_instance_that_slept_through_the_stop(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    await update(hub.services.store, "parity", lambda row: replace(row, intent=Intent.STOPPED))  # as from another hub
    assert (await hub.schedule())["state"] == "stopping"
    assert (await hub.post("start"))[0] == 202
    await hub.until(state="running", phase="waiting", cycle=2)


async def test_start_while_an_execution_finishes_says_that_it_stops(hub: Hub) -> None:
    hub.put(4)
    await hub.post("start")
    await eventually(_working, lambda: "no message was taken")
    await hub.post("stop", {"reason": "enough"})
    status, problem, headers = await hub.call("POST", "schedules/parity/start")
    assert (status, problem["code"], headers["Retry-After"]) == (409, "stillStopping", "1")


async def test_terminate_says_what_it_does_not_stop(hub: Hub) -> None:
    hub.put(1, 1)
    await hub.post("start", {"settings": {"concurrency": 1, "batchSize": 1, "replicaTimeout": 300}})
    await eventually(_working, lambda: "no message was taken")
    status, document = await hub.post("stop", {"reason": "now", "mode": "terminate"})
    assert (status, document["state"]) == (202, "stopped")
    assert any("finish the messages in hand" in warning for warning in document["warnings"])


async def test_start_after_terminate_waits_for_the_executions_and_no_longer(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ebb.execution.execution.LOOK_EVERY", 0.3)
    hub.put(1.5, *[0.1] * 300)
    await hub.post("start", {"settings": {"concurrency": 1, "batchSize": 1, "maxExecutions": 1, "replicaTimeout": 300}})
    await eventually(_working, lambda: "no message was taken")
    await hub.post("stop", {"reason": "now", "mode": "terminate"})
    assert (await hub.post("start"))[0] == 202
    document = await hub.until(state="running", phase="waiting")
    assert "earlier run" in document["nextCycleReason"]
    assert await hub.services.store.executions("parity")
    began = asyncio.get_running_loop().time()
    await hub.until(phase="processing")
    assert asyncio.get_running_loop().time() - began < 0.3 + 1.5 + 2 + 1, "it waited for the time-out of the executions"
    assert len(await hub.services.store.executions("parity")) <= 1
    await hub.post("stop", {"reason": "over"})


async def test_pause_keeps_the_loop_and_resume_goes_on(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    status, document = await hub.post("pause", {"reason": "migrating"})
    assert (status, document["state"], document["reason"]) == (200, "paused", "migrating")
    hub.put(0, 0)
    await hub.until(state="paused", phase="waiting", nextCycleReason="paused: migrating")
    assert (await hub.post("trigger"))[0] == 409
    assert (await hub.schedule())["totals"]["processed"] == 0
    assert (await hub.post("pause", {"reason": "migrating"}))[1]["changed"] is False
    status, document = await hub.post("resume")
    assert (status, document["changed"]) == (200, True)
    await hub.until(state="running", phase="waiting")
    await eventually(_processed(hub, 2), lambda: "nothing was processed after the pause")
    assert (await hub.post("resume"))[1]["changed"] is False


async def test_resume_leaves_the_launch_to_the_hub_that_has_begun_it(hub: Hub) -> None:
    lease = datetime.now(UTC) + timedelta(seconds=20)
    begun = {"intent": Intent.PAUSED, "hub": "HubB", "launch": 1, "starting_until": lease}
    await update(hub.services.store, "parity", lambda row: replace(row, **begun))
    status, document = await hub.post("resume")
    assert (status, document["changed"], document["state"]) == (200, True, "starting")
    assert not await hub.host.client.get_status("ebb-parity"), "the row says that its instance is in HubB"


async def test_resume_wakes_a_sleeper_whoever_is_about_to_launch(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    await hub.post("pause", {"reason": "x"})
    await hub.until(nextCycleReason="paused: x")
    lease = datetime.now(UTC) + timedelta(seconds=20)
    await update(hub.services.store, "parity", lambda row: replace(row, starting_until=lease))
    assert (await hub.post("resume"))[0] == 200
    await eventually(_measured_since(hub, lease - timedelta(seconds=20)), lambda: "it sleeps on", 3)


async def test_pause_until_a_time_ends_by_itself(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    until = datetime.now(UTC) + timedelta(seconds=1)
    hub.put(0)
    _, document = await hub.post("pause", {"reason": "a moment", "until": rfc3339(until)})
    assert document["until"] == rfc3339(until)
    await eventually(_processed(hub, 1), lambda: "the pause did not end")
    assert datetime.now(UTC) >= until
    assert (await hub.schedule())["until"] is None


async def test_pause_before_the_first_cycle_uses_no_number_twice(hub: Hub) -> None:
    hub.put(0)
    await hub.post("start")
    await eventually(_processed(hub, 1), lambda: "nothing was processed")
    await hub.post("stop", {"reason": "x"})
    await hub.until(state="stopped")
    await hub.post("start")
    await hub.post("pause", {"reason": "x"})
    await hub.until(state="paused", phase="waiting")
    hub.put(0)
    await hub.post("resume")
    await eventually(_processed(hub, 2), lambda: "nothing was processed after the pause")
    cycles = (await hub.services.store.cycles("parity")).value
    assert len(cycles) == len({cycle["cycle"] for cycle in cycles}) == 2


async def test_trigger_begins_a_cycle_at_once(hub: Hub) -> None:
    await hub.post("start")
    first = (await hub.until(phase="waiting"))["cycle"]
    assert (await hub.post("trigger"))[0] == 202
    await hub.until(phase="waiting", cycle=first + 1)


async def test_trigger_during_an_execution_begins_a_cycle_within_a_second_of_its_end(hub: Hub) -> None:
    hub.put(0.8)
    await hub.post("start")
    await eventually(_working, lambda: "no message was taken")
    await hub.post("trigger")
    await hub.until(phase="waiting", cycle=2)
    ended = (await hub.services.store.cycles("parity")).value[0]["endedAt"]
    measured = (await hub.schedule())["backlog"]["measuredAt"]
    assert datetime.fromisoformat(measured) - datetime.fromisoformat(ended) < timedelta(seconds=1)


async def test_changes_are_in_the_audit_trail() -> None:
    headers = {"x-ms-client-principal-name": "ada@example.org"}
    async with Hub(schedules(), EbbTrustClientPrincipal="true") as hub:
        await hub.call("POST", "schedules/parity/start", {"reason": "go"}, headers)
        await hub.call("PATCH", "schedules/parity/settings", {"maxExecutions": 3}, headers)
        await hub.post("stop", {"reason": "done"})
        await hub.post("stop", {"reason": "again"})
        found = [(event["action"], event["by"], event["reason"]) for event in await hub.events("audit")]
    assert found == [
        ("start", "ada@example.org", "go"),
        ("changeSettings", "ada@example.org", None),
        ("stop", None, "done"),
    ]


def _measured_since(hub: Hub, moment: datetime) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        measured = (await hub.schedule())["backlog"]["measuredAt"]
        return datetime.fromisoformat(measured) >= moment - timedelta(milliseconds=1)  # it is cut to milliseconds

    return reached


async def test_trigger_beside_another_nudge_makes_the_cycle_act_all_the_same() -> None:
    async with Hub(schedules(waitMode="fixedRate", pollingInterval=3600, maxPollingInterval=3600)) as hub:
        await hub.post("start")
        await hub.until(phase="waiting")
        hub.put(0.5)
        await hub.post("trigger")
        await eventually(_working, lambda: "no message was taken")
        await hub.host.client.raise_event("ebb-parity", "nudge", None)  # of two events the loop sees one
        await hub.post("trigger")
        hub.put(0)
        await eventually(_processed(hub, 2), lambda: "the second trigger was lost", 3)
        assert (await hub.services.store.get("parity")).triggered is None


async def _working() -> bool:
    return bool(work.at_work)


def _processed(hub: Hub, count: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return (await hub.schedule())["totals"]["processed"] >= count

    return reached


async def test_trigger_at_any_point_of_a_cycle_is_not_lost(hub: Hub) -> None:
    rng = random.Random(5)
    await hub.post("start")
    await hub.until(phase="waiting")
    for number in range(25):
        if number % 2:
            hub.put(rng.uniform(0, 0.3))
        await hub.post("trigger")  # begins a cycle, in which the one that matters comes at some point
        await asyncio.sleep(rng.choice((0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.2)))
        asked = datetime.now(UTC)
        assert (await hub.post("trigger"))[0] == 202
        await eventually(_measured_since(hub, asked), lambda: "a trigger was lost", 0.3 + 1)


async def test_trigger_runs_a_cycle_that_is_not_due() -> None:
    async with Hub(schedules(waitMode="fixedRate", pollingInterval=3600, maxPollingInterval=3600)) as hub:
        await hub.post("start")
        await hub.until(phase="waiting")
        hub.put(0)
        await hub.post("trigger")
        await eventually(_processed(hub, 1), lambda: "the trigger did not make the cycle act")
