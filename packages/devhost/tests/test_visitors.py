"""Only this computer's programs and the pages that the app lets in may call the host."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import subprocess

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host
from devhost.settings import HostSettings
from devhost.visitors import is_loopback

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
called: list[str] = []
STATUS = "/runtime/webhooks/durabletask/instances/one"


@app.route(route="touch", methods=["GET", "POST"])
def touch(req: func.HttpRequest) -> str:
    called.append(req.method)
    return "touched"


@app.orchestration_trigger(context_name="context")
def ends(context: df.DurableOrchestrationContext) -> str:
    return "ended"


@pytest.mark.parametrize(
    "authority",
    [
        "localhost",
        "localhost:7071",
        "LOCALHOST:7071",
        "app.localhost:7071",
        "localhost.:7071",
        "127.0.0.1",
        "127.0.0.1:7071",
        "127.1.2.3:80",
        "[::1]",
        "[::1]:7071",
    ],
)
def test_names_of_this_computer(authority: str) -> None:
    assert is_loopback(authority)


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "evil.example",
        "evil.example:7071",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7071",
        "192.168.0.1:7071",
        "0.0.0.0:7071",
        "[::]:7071",
        "notlocalhost",
        "localhost@evil.example",
        "localhost/evil.example",
        "evil.example#localhost",
        "127.0.0.1:7071:80",
        "localhost:port",
        "2130706433",
        "10.0.0.1",
        "[fe80::1]:80",
        "localhost evil.example",
    ],
)
def test_other_names(authority: str) -> None:
    assert not is_loopback(authority)


def _ask(host: Host, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", host.server.port, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value.replace("{port}", str(host.server.port)))
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


OWN = {"Host": "localhost:{port}"}
PATHS = [
    "/api/touch",
    "/runtime/webhooks/durabletask/orchestrators/ends/x",
    "/durabletask/orchestrators/ends/y",
    "/admin/functions/touch",
    "/runtime/webhooks/durabletask/instances/one/terminate",
]
FOREIGN = [
    {"Host": "evil.example:{port}"},
    {"Host": "evil.example"},
    {},
    {**OWN, "Origin": "http://evil.example"},
    {**OWN, "Origin": "null"},
    {**OWN, "Origin": "http://localhost:1"},
    {**OWN, "Origin": "https://localhost:{port}"},
    {**OWN, "Sec-Fetch-Site": "cross-site"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("path", PATHS)
async def test_pages_of_others_can_do_nothing(path: str) -> None:
    called.clear()
    async with Host(app) as host:
        await host.client.start_new("ends", "one")
        await host.wait_for("one")
        for headers in FOREIGN:
            status, body = await asyncio.to_thread(_ask, host, "POST", path, headers)
            assert status == (403 if headers else 400), headers  # without a Host the server does not read the request
            assert not headers or "Message" in json.loads(body)
            assert "http://evil.example" not in body.replace("A page of 'http://evil.example", "")
        assert called == []
        assert [one.instance_id for one in await host.client.get_status_all()] == ["one"]


@pytest.mark.parametrize(
    "headers",
    [
        OWN,
        {"Host": "127.0.0.1:{port}"},
        {"Host": "app.localhost:{port}"},
        {**OWN, "Origin": "http://localhost:{port}"},
        {**OWN, "Origin": "http://127.0.0.1:{port}"},
        {**OWN, "Sec-Fetch-Site": "same-origin"},
        {**OWN, "Sec-Fetch-Site": "none"},
        {**OWN, "Sec-Fetch-Site": "same-site"},
        {**OWN, "Origin": "http://listed.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_own_pages_programs_and_listed_pages_may(headers: dict[str, str]) -> None:
    async with Host(app, settings=HostSettings(cors=("http://listed.example",))) as host:
        assert await asyncio.to_thread(_ask, host, "POST", "/api/touch", headers) == (200, "touched")


async def test_management_urls_name_this_host() -> None:
    async with Host(app) as host:
        path = "/runtime/webhooks/durabletask/orchestrators/ends/one"
        status, body = await asyncio.to_thread(_ask, host, "POST", path, {"Host": "app.localhost:{port}"})
    assert status == 202
    assert json.loads(body)["statusQueryGetUri"].startswith(f"http://app.localhost:{host.server.port}/")


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_curl_works_as_ever() -> None:
    async with Host(app) as host:
        run = subprocess.run
        command = ["curl", "-s", "-X", "POST", f"{host.url}/api/touch"]
        done = await asyncio.to_thread(run, command, capture_output=True, text=True, timeout=20)
    assert done.stdout == "touched"
