"""Conformance 72 to 81: what may be done to an instance that is there, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from devhost import Host, ManualClock
from devhost.client_binding import MANAGEMENT_BASE, client_binding
from devhost.status import Show
from packages.devhost.tests.client_app import INSTANCES, ORCHESTRATORS, app, refused


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
    assert await refused(method, MANAGEMENT_BASE + path, 404)


async def test_other_task_hub_is_404() -> None:
    assert "TestHubName" in await refused("GET", f"{INSTANCES}/?taskHub=Other", 404)


async def test_bodies_that_are_no_json_are_400() -> None:
    async with Host(app) as host:
        await host.client.start_new("patient", "one")
        for url in (f"{ORCHESTRATORS}/quick", f"{INSTANCES}/one/raiseEvent/X"):
            async with host.http.post(url, data="{", headers={"Content-Type": "application/json"}) as response:
                assert response.status == 400
        async with host.http.post(f"{INSTANCES}/one/raiseEvent/X", data="1") as response:
            assert (await response.json())["Message"] == "Only application/json request content is supported"
