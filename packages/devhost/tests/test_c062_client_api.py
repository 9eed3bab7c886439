"""Conformance 62 to 81: the durable client and the management API."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus

from devhost import Host, ManualClock
from devhost.client_binding import MANAGEMENT_BASE, client_binding
from devhost.settings import HostSettings
from devhost.status import Show

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
ORCHESTRATORS = f"{MANAGEMENT_BASE}/orchestrators"
INSTANCES = f"{MANAGEMENT_BASE}/instances"


@app.orchestration_trigger(context_name="context")
def quick(context: df.DurableOrchestrationContext):
    return context.get_input()
    yield


@app.orchestration_trigger(context_name="context")
def failing(context: df.DurableOrchestrationContext):
    raise ValueError("no good")
    yield


@app.orchestration_trigger(context_name="context")
def patient(context: df.DurableOrchestrationContext):
    context.set_custom_status({"step": "waiting"})
    found = []
    for name in ("X", "Y"):
        found.append((yield context.wait_for_external_event(name)))  # noqa: PERF401  (a yield cannot go in a comprehension)
    return found


@app.orchestration_trigger(context_name="context")
def talkative(context: df.DurableOrchestrationContext):
    context.set_custom_status(context.get_input())
    yield context.wait_for_external_event("X")


@app.orchestration_trigger(context_name="context")
def two_timers(context: df.DurableOrchestrationContext):
    for _ in range(2):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
    return "ended"


@app.activity_trigger(input_name="number")
async def double(number: int) -> int:
    return 2 * number


@app.orchestration_trigger(context_name="context")
def doubles(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("double", context.get_input()))


@app.orchestration_trigger(context_name="context")
def never_stops(context: df.DurableOrchestrationContext):
    while True:
        yield context.call_activity("double", 1)


@app.route(route="start/{name}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], req.params.get("id"), req.params.get("given"))
    if req.params.get("wait"):
        return await client.wait_for_completion_or_create_check_status_response(req, instance_id, 2000, 50)
    return client.create_check_status_response(req, instance_id)


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
    async with Host(app) as host, host.http.get(f"{INSTANCES}?runtimeStatus=Sleeping") as response:
        assert response.status == 400
        assert "'Sleeping'" in (await response.json())["Message"]


async def test_c72_terminate_ends_with_the_reason_and_twice_is_410() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        await host.client.terminate("one", "enough is enough")
        status = host.operations.status("one", Show())
        assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough is enough")
        async with host.http.post(f"{INSTANCES}/one/terminate?reason=again") as response:
            assert response.status == 410
        await host.client.terminate("one", "again")


async def test_c73_suspended_instance_runs_no_code_until_resumed() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.client.start_new("patient", "one")
        await host.client.suspend("one", "hold")
        await host.client.raise_event("one", "X", 1)
        await host.client.raise_event("one", "Y", 2)
        before = len(host.store.history("one"))
        await host.run_until(timedelta(minutes=1))
        status = host.operations.status("one", Show())
        assert (status["runtimeStatus"], status["output"]) == ("Suspended", "hold")
        assert len(host.store.history("one")) == before
        await host.client.resume("one", "go on")
        assert (await host.wait_for("one"))["output"] == ["1", "2"]


async def test_c74_suspend_twice_and_resume_while_running_are_refused() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        async with host.http.post(f"{INSTANCES}/one/resume") as response:
            assert response.status == 500
        await host.client.suspend("one", "hold")
        async with host.http.post(f"{INSTANCES}/one/suspend") as response:
            assert response.status == 500
            assert "because instance is in the Suspended state" in (await response.json())["ExceptionMessage"]


async def test_c75_purged_instance_is_gone() -> None:
    async with Host(app) as host:
        await host.client.start_new("quick", "one")
        await host.wait_for("one")
        assert (await host.client.purge_instance_history("one")).instances_deleted == 1
        assert not await host.client.get_status("one")
        assert (await host.client.purge_instance_history("one")).instances_deleted == 0
        assert host.store.history("one") == []


async def test_c75_running_instance_is_not_purged() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        async with host.http.delete(f"{INSTANCES}/one") as response:
            assert response.status == 412
            assert "Only orchestrations in a terminal state can be purged" in await response.json()
        assert host.store.row("one") is not None


async def test_c76_purge_by_filter_needs_a_begin_and_spares_the_running() -> None:
    async with Host(app) as host:
        await host.client.start_new("quick", "ended")
        await host.client.start_new("patient", "running")
        await host.wait_for("ended")
        async with host.http.delete(f"{INSTANCES}/?runtimeStatus=Completed") as response:
            assert response.status == 400
            assert await response.json() == "Please provide value for 'createdTimeFrom' parameter."
        async with host.http.delete(f"{INSTANCES}/?createdTimeFrom=2020-01-01T00:00:00Z") as response:
            assert await response.json() == {"instancesDeleted": 1}
        async with host.http.delete(f"{INSTANCES}/?createdTimeFrom=2020-01-01T00:00:00Z") as response:
            assert response.status == 404
        assert host.store.row("running") is not None


async def test_c77_check_status_response_gives_urls_that_work() -> None:
    async with Host(app) as host:
        async with host.http.post(
            "/api/start/patient?id=one", headers={"Host": f"localhost:{host.server.port}"}
        ) as response:
            assert response.status == 202
            assert response.headers["Retry-After"] == "10"
            urls = await response.json()
            assert response.headers["Location"] == urls["statusQueryGetUri"]
        assert urls.pop("id") == "one"
        assert all(url.startswith(f"http://localhost:{host.server.port}/") for url in urls.values())
        async with host.http.get(_here(host, urls["statusQueryGetUri"])) as response:
            assert response.status == 202
        for name in "XY":
            url = _here(host, urls["sendEventPostUri"].replace("{eventName}", name))
            async with host.http.post(url, json=name) as response:
                assert response.status == 202
        assert (await host.wait_for("one"))["output"] == ["X", "Y"]
        async with host.http.post(_here(host, urls["restartPostUri"])) as response:
            assert response.status == 202
        async with host.http.delete(_here(host, urls["purgeHistoryDeleteUri"])) as response:
            assert response.status == 200


def _here(host: Host, url: str) -> str:
    return url.replace(f"http://localhost:{host.server.port}", host.url)


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


async def test_c79_restart_keeps_id_and_input() -> None:
    async with Host(app) as host:
        await host.client.start_new("quick", "one", {"a": 1})
        await host.wait_for("one")
        execution = host.store.row("one")["execution_id"]
        await host.client.restart("one", False)
        status = await host.wait_for("one")
        assert status["output"] == {"a": 1}
        assert host.store.row("one")["execution_id"] != execution
        answer: Any = await host.client.restart("one")
        assert answer["id"] != "one"
        async with host.http.post(f"{INSTANCES}/nobody/restart") as response:
            assert response.status == 400


async def test_c80_custom_status_shows_and_a_large_one_fails() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        assert (await host.client.get_status("one")).custom_status == {"step": "waiting"}
        await host.client.start_new("talkative", "two", "x" * 9000)
        status = await host.wait_for("two")
    assert status["runtimeStatus"] == "Failed"
    assert "must not exceed 16 KB" in status["output"]


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ("x" * 8701, True),  # with its quotes 17,406 bytes: whole KB are compared
        ("x" * 8702, False),
        ("漢" * 8701, True),  # one UTF-16 unit each, as nothing is escaped
        ("漢" * 8702, False),
        ("🦊" * 4350, True),  # two units each
        ("🦊" * 4351, False),
        ("\ud800" * 8701, True),
        ([1] * 4351, True),  # no spaces between
        ([1] * 4352, False),
    ],
)
async def test_c80_custom_status_is_measured_as_compact_json_in_utf_16(given: Any, fits: bool) -> None:
    async with Host(app) as host:
        await host.client.start_new("talkative", "one", given)
        status = await host.client.get_status("one")
    assert status.runtime_status is not None
    assert status.runtime_status.name == ("Running" if fits else "Failed")


def test_c81_rpc_address_ends_with_a_slash() -> None:
    assert json.loads(client_binding("http://127.0.0.1:1", "Hub"))["rpcBaseUrl"].endswith("/")


@pytest.mark.parametrize(("name", "status"), [("failing", 202), ("quick", 412), ("patient", 412), (None, 404)])
async def test_c81_rewind_is_for_failed_instances(name: str | None, status: int) -> None:
    async with Host(app) as host:
        if name:
            await host.client.start_new(name, "one")
        if name in ("failing", "quick"):
            await host.wait_for("one")
        async with host.http.post(f"{INSTANCES}/one/rewind?reason=x") as response:
            assert response.status == status
            assert await response.read() if status != 202 else True


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/instances/x"), ("POST", "/instances/x/dance"), ("GET", "/dance")]
)
async def test_wrong_verb_or_path_is_404_with_a_reason(method: str, path: str) -> None:
    async with Host(app) as host, host.http.request(method, MANAGEMENT_BASE + path) as response:
        assert response.status == 404
        assert (await response.json())["Message"]


async def test_other_task_hub_is_404() -> None:
    async with Host(app) as host, host.http.get(f"{INSTANCES}/?taskHub=Other") as response:
        assert response.status == 404
        assert "TestHubName" in (await response.json())["Message"]


async def test_bodies_that_are_no_json_are_400() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        for url in (f"{ORCHESTRATORS}/quick", f"{INSTANCES}/one/raiseEvent/X"):
            async with host.http.post(url, data="{", headers={"Content-Type": "application/json"}) as response:
                assert response.status == 400
        async with host.http.post(f"{INSTANCES}/one/raiseEvent/X", data="1") as response:
            assert (await response.json())["Message"] == "Only application/json request content is supported"


async def test_start_of_many_at_once_starts_each_once() -> None:
    async with Host(app) as host:
        clients = [host.client.start_new("quick", f"i{number}", number) for number in range(50)]
        await asyncio.gather(*clients)
        for number in range(50):
            assert (await host.wait_for(f"i{number}"))["output"] == number
