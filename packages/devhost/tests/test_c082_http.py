"""Conformance 82 to 90: HTTP functions, settings, timer triggers and the admin API."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.settings import HostSettings, read_settings

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
ticks: list[tuple[str, bool, dict[str, Any]]] = []


@app.route(route="start")
def start(req: func.HttpRequest) -> str:
    return "started"


@app.route(route="x/{id:int}")
def by_number(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["id"])


@app.route(route="x/literal")
def literal(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("literal wins")


@app.route(route="raises")
def raises(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("secret")


@app.route(route="wrong-type")
def wrong_type(req: func.HttpRequest) -> str:
    return {"a": 1}


@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("ok", status_code=201, mimetype="application/json")
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    return response


@app.route(route="mirror", methods=["POST"])
def mirror(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "header": req.headers.get("x-one"),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


def _timer_app(
    *, schedule: str = "0 */5 * * * *", run_on_startup: bool = False, fails: bool = False, use_monitor: bool = True
) -> df.DFApp:
    timer_app = df.DFApp()

    @timer_app.timer_trigger(
        schedule=schedule, arg_name="timer", run_on_startup=run_on_startup, use_monitor=use_monitor
    )
    async def tick(timer: func.TimerRequest) -> None:
        ticks.append(("tick", timer.past_due, timer.schedule_status))
        if fails:
            raise ValueError("a failing timer")

    return timer_app


@pytest.fixture(autouse=True)
def _forget() -> None:
    ticks.clear()


async def test_c82_empty_route_prefix_serves_at_the_root_and_leaves_management_alone() -> None:
    async with Host(app, settings=HostSettings(route_prefix="")) as host:
        for path, status in (("/start", 200), ("/api/start", 404), ("/runtime/webhooks/durabletask/instances/", 200)):
            async with host.http.get(path) as response:
                assert response.status == status, path


async def test_c83_constraint_that_does_not_hold_is_404() -> None:
    async with Host(app) as host:
        for path, status in (("/api/x/5", 200), ("/api/x/abc", 404), ("/API/X/literal", 200), ("/api/nothing", 404)):
            async with host.http.get(path) as response:
                assert response.status == status, path


async def test_c83_verb_that_is_not_listed_is_404() -> None:
    async with Host(app) as host, host.http.get("/api/mirror") as response:
        assert response.status == 404


@pytest.mark.parametrize("route", ["raises", "wrong-type"])
async def test_c84_function_that_fails_is_500_without_body(route: str) -> None:
    async with Host(app) as host, host.http.get(f"/api/{route}") as response:
        assert (response.status, await response.read()) == (500, b"")


async def test_c85_two_cookies_both_arrive() -> None:
    async with Host(app) as host, host.http.get("/api/cookies") as response:
        assert response.status == 201
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers.getall("Set-Cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


async def test_request_arrives_whole() -> None:
    async with Host(app) as host:
        url, headers = "/api/mirror?a=1&a=2&empty=", {"X-One": "yes"}
        async with host.http.post(url, data="some text", headers=headers) as response:
            seen = await response.json()
    assert seen["method"] == "POST"
    assert seen["url"].endswith("/api/mirror?a=1&a=2&empty=")
    assert seen["params"] == {"a": "1,2"}
    assert seen["header"] == "yes"
    assert seen["body"] == "some text"


async def test_home_page_answers() -> None:
    async with Host(app) as host, host.http.get("/") as response:
        assert response.status == 200
        assert response.content_type == "text/html"


def test_c86_environment_wins_over_local_settings(tmp_path: Path) -> None:
    content = {"IsEncrypted": False, "Values": {"HELD": "file", "FREE": "file", "NONE": None, "EMPTY": ""}}
    (tmp_path / "local.settings.json").write_text(json.dumps(content))
    environment = {"HELD": "process"}
    read_settings(tmp_path, environment)
    assert environment == {"HELD": "process", "FREE": "file", "EMPTY": ""}


async def test_c87_preflight_is_allowed_for_listed_origins_only() -> None:
    settings = HostSettings(cors=("http://good",), cors_credentials=True)
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-a"}
    async with Host(app, settings=settings) as host:
        async with host.http.options("/api/start", headers={"Origin": "http://good", **ask}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "http://good"
            assert response.headers["Access-Control-Allow-Methods"] == "POST"
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
        async with host.http.options("/api/start", headers={"Origin": "http://bad", **ask}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        async with host.http.get("/api/start", headers={"Origin": "http://good"}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "http://good"


async def test_c88_timer_with_run_on_startup_runs_once_at_start_and_then_by_schedule() -> None:
    async with Host(_timer_app(run_on_startup=True, fails=True), clock=ManualClock()) as host:
        await host.run_until(timedelta(minutes=1))
        assert len(ticks) == 1
        await host.run_until(timedelta(minutes=10))
    assert len(ticks) == 3


async def test_timer_missed_while_stopped_runs_once_as_past_due(tmp_path: Path) -> None:
    timer_app = _timer_app()
    async with Host(timer_app, clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=6))
    assert [past_due for _, past_due, _ in ticks] == [False]
    async with Host(timer_app, clock=ManualClock(datetime(2026, 1, 1, 3, tzinfo=UTC)), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=6))
    assert [past_due for _, past_due, _ in ticks] == [False, True, False]
    assert ticks[1][2]["Last"] == "2026-01-01T00:05:00.0000000Z"


async def test_timer_without_monitor_keeps_no_status(tmp_path: Path) -> None:
    timer_app = _timer_app(use_monitor=False)
    async with Host(timer_app, clock=ManualClock(), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=11))
        assert host.store.rows("SELECT * FROM schedules") == []
    assert [status for _, _, status in ticks] == [{}, {}]


async def test_c89_timer_can_be_run_by_hand() -> None:
    async with Host(_timer_app()) as host:
        async with host.http.post("/admin/functions/tick", json={"input": ""}) as response:
            assert response.status == 202
        await host.run_until(lambda: ticks)
        await asyncio.sleep(0.02)
        async with host.http.post("/admin/functions/nobody", json={"input": ""}) as response:
            assert response.status == 404
    assert len(ticks) == 1


async def test_c90_admin_tells_that_the_host_runs() -> None:
    async with Host(app) as host:
        async with host.http.get("/admin/host/status") as response:
            assert (await response.json())["state"] == "Running"
        async with host.http.post("/admin/host/ping") as response:
            assert response.status == 200
        async with host.http.get("/admin/functions/start") as response:
            described = await response.json()
    assert described["invoke_url_template"] == f"{host.url}/api/start"
    assert described["config"]["bindings"][0]["type"] == "httpTrigger"


def test_host_settings_can_be_overridden_by_the_environment(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text(
        json.dumps({"functionTimeout": "00:10:00", "extensions": {"durableTask": {"hubName": "%HUB%"}}})
    )
    environment = {
        "HUB": "MyHub",
        "AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions": "3",
        "AzureFunctionsJobHost__extensions__http__routePrefix": "v1",
    }
    settings = read_settings(tmp_path, environment)
    assert settings.hub_name == "MyHub"
    assert settings.max_concurrent_activities == 3
    assert settings.route_prefix == "v1"
    assert settings.function_timeout == timedelta(minutes=10)
    assert os.environ.get("HUB") is None


DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)


async def test_timer_that_has_not_run_yet_knows_its_next_time() -> None:
    async with Host(_timer_app(), clock=ManualClock(DAY_ONE)) as host:
        await host.run_until(timedelta(minutes=6))
    ((_, past_due, status),) = ticks
    assert (past_due, status["Last"], status["Next"]) == (
        False, "0001-01-01T00:00:00.0000000Z", "2026-01-01T00:05:00.0000000Z",
    )  # fmt: skip


async def test_timer_that_never_ran_is_past_due_after_its_first_time(tmp_path: Path) -> None:
    timer_app = _timer_app()
    async with Host(timer_app, clock=ManualClock(DAY_ONE), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=2))
    assert ticks == []
    async with Host(timer_app, clock=ManualClock(DAY_ONE + timedelta(minutes=7)), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=1))
    assert [past_due for _, past_due, _ in ticks] == [True]


async def test_timer_whose_schedule_was_changed_is_not_past_due(tmp_path: Path) -> None:
    async with Host(_timer_app(), clock=ManualClock(DAY_ONE), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=6))
    later = DAY_ONE + timedelta(hours=3, minutes=1)
    async with Host(_timer_app(schedule="0 30 * * * *"), clock=ManualClock(later), state=tmp_path) as host:
        await host.run_until(timedelta(minutes=30))
    assert [past_due for _, past_due, _ in ticks] == [False, False]


async def test_timer_whose_run_outlasts_its_period_runs_again_at_once() -> None:
    clock = ManualClock(DAY_ONE)
    begun: list[str] = []
    slow_app = func.FunctionApp()

    @slow_app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
    async def tick(timer: func.TimerRequest) -> None:
        begun.append(f"{clock.now():%H:%M}")
        await clock.sleep(7 * 60)

    async with Host(slow_app, clock=clock) as host:
        await host.run_until(timedelta(minutes=30))
    assert begun == ["00:05", "00:12", "00:19", "00:26"]  # 00:10 falls into the first run, and comes at its end
