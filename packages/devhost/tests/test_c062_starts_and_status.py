"""Conformance 62 to 71: starts, status, history and lists, by the durable client and the management API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus

from devhost import Host, ManualClock
from devhost.settings import HostSettings
from packages.devhost.tests.client_app import INSTANCES, ORCHESTRATORS, app, refused


async def test_c62_start_without_id_gives_32_hex_digits() -> None:
    async with Host(app) as host:
        instance_id = await host.client.start_new("quick")
    assert len(instance_id) == 32
    assert int(instance_id, 16) >= 0


async def test_c63_start_on_running_id_is_refused_and_leaves_it_alone() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        execution = host.engine.live["one"].execution_id
        with pytest.raises(Exception, match="status Running already exists"):
            await host.client.start_new("patient", "one")
        assert host.engine.live["one"].execution_id == execution


async def test_c63_any_state_overridable_replaces_a_running_instance() -> None:
    async with Host(app, settings=HostSettings(any_state_overridable=True)) as host:
        await host.client.start_new("patient", "one")
        execution = host.engine.live["one"].execution_id
        await host.client.start_new("patient", "one")
        assert host.engine.live["one"].execution_id != execution


async def test_c64_start_on_ended_id_replaces_it() -> None:
    async with Host(app) as host:
        await host.client.start_new("quick", "one", "first")
        await host.wait_for("one")
        await host.client.start_new("quick", "one", "second")
        status = await host.wait_for("one")
        assert len(host.store.history("one")) == 4
    assert status["output"] == "second"


async def test_c65_start_of_unknown_name_is_taken_and_the_instance_fails_naming_it() -> None:
    async with Host(app) as host:
        status = await host.wait_for(await host.client.start_new("nobody"))
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith("Orchestrator function 'nobody' failed: The function 'nobody' doesn't exist")
    assert "known orchestrator functions: 'quick'" in status["output"]


@pytest.mark.parametrize("instance_id", ["@x", "a%23b", "a" * 257, "a%0Ab", "a%2Fb"])
async def test_c66_bad_id_answers_400(instance_id: str) -> None:
    async with Host(app) as host, host.http.post(_encoded(host, f"{ORCHESTRATORS}/quick/{instance_id}")) as response:
        assert response.status == 400
        assert "Orchestration instance ids must not" in (await response.json())["ExceptionMessage"]


def _encoded(host: Host, path: str) -> Any:
    from yarl import URL

    return URL(host.url + path, encoded=True)


async def test_c67_status_is_202_while_running_and_200_when_completed() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        async with host.http.get(f"{INSTANCES}/one") as response:
            assert response.status == 202
            assert response.headers["Location"].endswith(f"{INSTANCES}/one")
            assert response.headers["Retry-After"] == "5"
        await host.client.start_new("quick", "two", {"a": 1})
        await host.wait_for("two")
        async with host.http.get(f"{INSTANCES}/two") as response:
            assert response.status == 200
            content = await response.json()
        async with host.http.get(f"{INSTANCES}/nobody") as response:
            assert response.status == 404
    assert content["input"] == '{"a": 1}'
    assert content["output"] == {"a": 1}
    assert len(content["createdTime"]) == len("2026-01-01T00:00:00Z")


async def test_c68_failed_instance_is_500_when_asked_for() -> None:
    async with Host(app) as host:
        await host.client.start_new("failing", "one")
        await host.wait_for("one")
        async with host.http.get(f"{INSTANCES}/one") as response:
            assert response.status == 200
        async with host.http.get(f"{INSTANCES}/one?returnInternalServerErrorOnFailure=True") as response:
            assert response.status == 500


async def test_c69_history_has_names_and_no_framing() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.client.start_new("two_timers", "one")
        await host.wait_for("one")
        status = await host.client.get_status("one", show_history=True, show_history_output=True)
    events = status.historyEvents
    names = [event["EventType"] for event in events]
    assert names == ["ExecutionStarted", *["TimerCreated", "TimerFired"] * 2, "ExecutionCompleted"]
    assert events[0]["FunctionName"] == "two_timers"
    assert events[-1]["Result"] == "ended"


async def test_c69_activity_in_history_is_folded_into_its_end() -> None:
    settings = HostSettings(store_inputs=True)
    async with Host(app, clock=ManualClock(), settings=settings) as host:
        await host.client.start_new("doubles", "one", 21)
        await host.wait_for("one")
        async with host.http.get(f"{INSTANCES}/one?showHistory=true&showHistoryOutput=true") as response:
            events = (await response.json())["historyEvents"]
        async with host.http.get(f"{INSTANCES}/one?showHistory=true&showInput=false") as response:
            bare = (await response.json())["historyEvents"]
    assert [event["EventType"] for event in events] == ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]
    assert (events[1]["FunctionName"], events[1]["Input"], events[1]["Result"]) == ("double", "21", 42)
    assert events[1]["ScheduledTime"] <= events[1]["Timestamp"]
    assert not {"EventId", "IsPlayed", "TaskScheduledId"} & events[1].keys()
    assert not [event for event in bare if event.get("Input") is not None or "Result" in event]


async def test_too_many_actions_fail_the_instance() -> None:
    async with Host(app, clock=ManualClock(), settings=HostSettings(max_orchestration_actions=3)) as host:
        await host.client.start_new("never_stops", "one")
        status = await host.wait_for("one")
    assert "4 actions, more than maxOrchestrationActions (3)" in status["output"]


async def test_c70_250_instances_are_listed_in_three_pages() -> None:
    async with Host(app) as host:
        for number in range(250):
            host.engine.create("quick", f"i{number:03}", None, None)
        await host.lane.committed()
        pages, token = [], ""
        while token is not None:
            headers = {"x-ms-continuation-token": token} if token else {}
            async with host.http.get(f"{INSTANCES}/?top=100", headers=headers) as response:
                pages.append([one["instanceId"] for one in await response.json()])
                token = response.headers.get("x-ms-continuation-token")
    assert [len(page) for page in pages] == [100, 100, 50]
    assert len({one for page in pages for one in page}) == 250


@pytest.mark.parametrize("query", ["runtimeStatus=Running,Pending", "runtimeStatus=Running&runtimeStatus=Pending"])
async def test_c71_list_is_filtered_by_status(query: str) -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "running")
        await host.client.start_new("quick", "completed")
        await host.wait_for("completed")
        async with host.http.get(f"{INSTANCES}/?{query}") as response:
            assert [one["instanceId"] for one in await response.json()] == ["running"]
        found = await host.client.get_status_by(runtime_status=[OrchestrationRuntimeStatus.Completed])
        assert [one.instance_id for one in found] == ["completed"]
        assert len(await host.client.get_status_all()) == 2


async def test_c71_unknown_status_is_named() -> None:
    assert "'Sleeping'" in await refused("GET", f"{INSTANCES}?runtimeStatus=Sleeping", 400)


async def test_c78_wait_for_completion_gives_the_output() -> None:
    async with Host(app) as host:
        async with host.http.post("/api/start/quick?wait=1&given=hello") as response:
            assert (response.status, await response.text()) == (200, "hello")
        async with host.http.post("/api/start/failing?wait=1") as response:
            assert response.status == 500


async def test_c78_start_through_the_api_can_wait_for_the_output() -> None:
    async with Host(app) as host:
        async with host.http.post(f"{ORCHESTRATORS}/quick?timeout=5&pollingInterval=0.01", json={"a": 1}) as response:
            assert (response.status, await response.json()) == (200, {"a": 1})
        async with host.http.post(f"{ORCHESTRATORS}/patient?timeout=0.05&pollingInterval=0.01") as response:
            assert response.status == 202
            assert "rewindPostUri" not in await response.json()


async def test_start_of_many_at_once_starts_each_once() -> None:
    async with Host(app) as host:
        clients = [host.client.start_new("quick", f"i{number}", number) for number in range(50)]
        await asyncio.gather(*clients)
        for number in range(50):
            assert (await host.wait_for(f"i{number}"))["output"] == number
