"""A whole app of several blueprints, in the style of the published samples, on a clock moved by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from devhost import Host, ManualClock
from packages.devhost.tests.running import APPS


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    monkeypatch.setenv("SamplesHub", "FromAppSetting")
    async with Host(APPS / "samples", clock=ManualClock()) as host:
        yield host


async def _start(host: Host, name: str, given: Any) -> None:
    async with host.http.post(f"/v1/start/{name}/one", json=given) as response:
        assert response.status == 202
        assert "taskHub=FromAppSetting" in (await response.json())["statusQueryGetUri"]


async def test_monitor_tells_its_status_and_ends_when_ready(host: Host) -> None:
    begun = host.clock.now()
    await _start(host, "monitor", {"name": "a", "seconds": 600, "every": 30, "ready_after": 4})
    await host.run_until(timedelta(seconds=45))
    assert (await host.client.get_status("one")).custom_status == {"found": "not yet"}
    assert (await host.wait_for("one"))["output"] == "ready"
    assert host.clock.now() - begun == timedelta(seconds=90)


async def test_monitor_gives_up_when_time_is_up(host: Host) -> None:
    await _start(host, "monitor", {"name": "b", "seconds": 60, "every": 30, "ready_after": 100})
    assert (await host.wait_for("one"))["output"] == "time is up"


async def test_purchase_that_is_approved_is_paid_after_retries(host: Host) -> None:
    await _start(host, "purchase", {"item": "boat", "cost": 5000})
    await host.client.raise_event("one", "approval", True)
    assert (await host.wait_for("one"))["output"] == "boat: paid 5000 at attempt 3"


async def test_purchase_that_nobody_approves_ends_after_a_day(host: Host) -> None:
    begun = host.clock.now()
    await _start(host, "purchase", {"item": "house", "cost": 90000})
    assert (await host.wait_for("one"))["output"] == "house: nobody approved"
    assert host.clock.now() - begun == timedelta(hours=24)


async def test_counter_is_changed_by_requests_and_orchestrations(host: Host) -> None:
    async with host.http.get("/v1/counters/k") as response:
        assert response.status == 404
    for amount in (3, 4):
        async with host.http.post(f"/v1/counters/k/{amount}") as response:
            assert response.status == 202
    await host.progress.settle()
    await _start(host, "count_up", {"key": "k"})
    assert (await host.wait_for("one"))["output"] == 10
    async with host.http.get("/v1/counters/k") as response:
        assert await response.json() == 10


async def test_orchestration_calls_the_site_of_its_own_app(host: Host) -> None:
    await _start(host, "check_site", {"url": f"{host.url}/v1/health"})
    assert (await host.wait_for("one"))["output"] == [200, "fine"]
