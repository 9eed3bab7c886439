"""Versions of orchestrations, and HTTP calls from orchestrations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from devhost import Host, ManualClock
from devhost.settings import HostSettings

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="echo")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    text = f"{req.method} {req.headers.get('content-type')} {req.get_body().decode()}"
    return func.HttpResponse(text, status_code=202, headers={"X-Answer": "42"})


@app.orchestration_trigger(context_name="context")
def calls_out(context: df.DurableOrchestrationContext):
    given = context.get_input()
    try:
        answer = yield context.call_http(given["method"], given["url"], given.get("content"), given.get("headers"))
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)
    return answer


@app.orchestration_trigger(context_name="context")
def tells_version(context: df.DurableOrchestrationContext):
    child = yield context.call_sub_orchestrator("child", None, None, "9.9")
    plain = yield context.call_sub_orchestrator("child")
    return [context.version, child, plain]


@app.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext):
    return context.version
    yield


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext):
    yield context.wait_for_external_event("X")


async def _call(host: Host, **given: Any) -> Any:
    return (await host.wait_for(await host.client.start_new("calls_out", None, given)))["output"]


async def test_http_call_gives_the_first_response() -> None:
    async with Host(app, clock=ManualClock()) as host:
        answer = await _call(host, method="POST", url=f"{host.url}/api/echo", content={"a": 1})
    assert answer["statusCode"] == 202
    assert answer["content"] == 'POST text/plain; charset=utf-8 {"a": 1}'
    assert answer["headers"]["X-Answer"] == "42"
    assert "Content-Type" not in answer["headers"]


async def test_http_call_keeps_the_given_content_type() -> None:
    async with Host(app, clock=ManualClock()) as host:
        headers = {"Content-Type": "application/json"}
        answer = await _call(host, method="POST", url=f"{host.url}/api/echo", content=[1], headers=headers)
    assert answer["content"] == "POST application/json [1]"


async def test_http_call_that_cannot_connect_fails_the_task() -> None:
    async with Host(app, clock=ManualClock()) as host:
        answer = await _call(host, method="GET", url="http://127.0.0.1:9/")
    assert "ClientConnectorError" in answer


async def test_versions_are_stamped_on_instances_and_children() -> None:
    settings = HostSettings(default_version="1.5", version_match="None")
    async with Host(app, clock=ManualClock(), settings=settings) as host:
        status = await host.wait_for(await host.client.start_new("tells_version"))
    assert status["output"] == ["1.5", "9.9", "1.5"]


async def test_version_of_the_start_request_wins() -> None:
    settings = HostSettings(default_version="1.5", version_match="None")
    async with Host(app, clock=ManualClock(), settings=settings) as host:
        await host.client.start_new("child", "one", version="1.1")
        assert (await host.wait_for("one"))["output"] == "1.1"


async def test_instance_of_a_newer_version_is_left_alone() -> None:
    async with Host(app, clock=ManualClock(), settings=HostSettings(default_version="1.0")) as host:
        await host.client.start_new("waits", "newer", version="2.0")
        await host.client.start_new("child", "older", version="0.9")
        assert (await host.wait_for("older"))["output"] == "0.9"
        await host.run_until(timedelta(hours=1))
        assert host.engine.live["newer"].status.name == "Pending"
        assert host.engine.live["newer"].history == []
