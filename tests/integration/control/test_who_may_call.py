"""Who may change something, in which form, and under what name it is kept."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration.control.hub import Hub, schedules
from tests.integration.control.test_command import ok

ADA = {"x-ms-client-principal-name": "ada@example.org"}
STOP: tuple[str, str, Any] = ("POST", "schedules/parity/stop", {"reason": "x"})
CHANGES: list[tuple[str, str, Any]] = [
    STOP,
    ("POST", "schedules/parity/start", None),
    ("POST", "schedules/parity/trigger", None),
    ("PATCH", "schedules/parity/settings", {"maxExecutions": 3}),
    ("DELETE", "schedules/parity/settings", None),
    ("POST", "schedules/parity/poison/requeue", None),
    ("DELETE", "schedules/parity/poison", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=lambda value: str(value)[-20:])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
async def test_no_other_web_page_changes_anything(
    hub: Hub, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> None:
    status, problem, answered = await hub.call(method, path, body, headers)
    # The host may refuse such a request itself; what reaches the app gets a problem document.
    assert status == 403
    if answered["Content-Type"].startswith("application/problem+json"):
        assert problem["code"] == "foreignOrigin"
    assert await hub.events("audit") == []


async def test_own_pages_bookmarks_and_programs_may(hub: Hub) -> None:
    await hub.post("start")
    port = hub.host.url.rpartition(":")[2]
    for headers in (
        {"Origin": hub.host.url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"http://127.0.0.1:{port}"},
        {"Sec-Fetch-Site": "none"},
        {},
    ):
        status, problem, _ = await hub.call("PATCH", "schedules/parity/settings", {"maxExecutions": 3}, headers)
        assert status == 200, (headers, problem)


async def test_others_may_look(hub: Hub) -> None:
    assert (await hub.call("GET", "health", headers={"Sec-Fetch-Site": "cross-site"}))[0] in (200, 403)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
)
async def test_body_must_say_that_it_is_json(hub: Hub, kind: str) -> None:
    method, path, body = STOP
    status, problem, _ = await hub.call(method, path, body, {"Content-Type": kind})
    assert (status, problem["code"]) == (415, "unsupportedMediaType")
    assert "Content-Type: application/json" in problem["detail"]
    assert await hub.events("audit") == []


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
async def test_json_in_any_name_is_read(hub: Hub, kind: str) -> None:
    assert (await hub.call(*STOP, {"Content-Type": kind}))[0] == 200


async def test_name_in_a_header_counts_only_where_the_app_trusts_who_sets_it() -> None:
    async with Hub(schedules(), EbbTrustClientPrincipal="true") as hub:
        _, document, _ = await hub.call("POST", "schedules/parity/start", None, ADA)
        assert document["changedBy"] == "ada@example.org"
        (event,) = await hub.events("audit")
        assert event["by"] == "ada@example.org"
        await hub.call("POST", "schedules/parity/stop", {"reason": "x"}, {"ebb-caller": "ada%40example.org"})
        found = {event["by"] for event in await hub.events("audit")}
        assert found == {"ada@example.org", None}, "what anybody can say is not taken for a sign-in"


async def test_command_says_who_calls_an_app_of_this_machine(hub: Hub) -> None:
    await ok(hub, "start", "parity")
    (event,) = await hub.events("audit")
    assert event["by"] == f"{getpass.getuser()}@{socket.gethostname()} (not verified)"


@pytest.mark.parametrize(
    ("headers", "by"),
    [
        ({}, None),
        ({"x-functions-key": "S3cret"}, "holder of a function key"),
        (ADA, "unknown, says to be ada@example.org (not verified)"),
        (
            {**ADA, "x-functions-key": "S3cret"},
            "holder of a function key, says to be ada@example.org (not verified)",
        ),
        ({"ebb-caller": "Zo%C3%AB%40laptop"}, "Zoë@laptop (not verified)"),
        (
            {"ebb-caller": "ann%40laptop", "x-functions-key": "S3cret"},
            "holder of a function key, ann@laptop (not verified)",
        ),
    ],
)
async def test_otherwise_the_trail_says_what_is_known(hub: Hub, headers: dict[str, str], by: str | None) -> None:
    await hub.call("POST", "schedules/parity/start", None, headers)
    (event,) = await hub.events("audit")
    assert event["by"] == by
    await hub.call("POST", "schedules/parity/poison/requeue", None, headers)
    assert [event["by"] for event in await hub.events("audit")] == [by, by]
