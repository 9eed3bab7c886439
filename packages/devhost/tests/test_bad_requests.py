"""Requests to the management API that no client of ours would send: 400 with the reason, never a page of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest

from devhost import Host
from devhost.settings import read_settings

BASE = "/runtime/webhooks/durabletask"
DEEP = b"[" * 100_000 + b"]" * 100_000

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def gives_nan(context: df.DurableOrchestrationContext):
    return [float("nan"), float("inf")]


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    context.set_state(1)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Host(app) as running:
        yield running


@pytest.mark.parametrize("path", ["orchestrators/gives_nan", "entities/counter/k?op=add", "instances/one/raiseEvent/e"])
@pytest.mark.parametrize("body", [b"\xff\xfe", DEEP, b"{"])
async def test_body_that_is_no_json_is_400(host: Host, path: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with host.http.post(f"{BASE}/{path}", data=body, headers=headers) as response:
        assert response.status == 400
        assert "not valid JSON" in (await response.json())["ExceptionMessage"]


@pytest.mark.parametrize("path", ["instances", "entities"])
@pytest.mark.parametrize("top", ["99999999999999999999", "²", "-1", "0"])
async def test_top_that_is_no_number_of_entries_is_400(host: Host, path: str, top: str) -> None:
    async with host.http.get(f"{BASE}/{path}", params={"top": top}) as response:
        assert response.status == 400


async def test_continuation_token_of_someone_else_is_400(host: Host) -> None:
    async with host.http.get(f"{BASE}/instances", headers={"x-ms-continuation-token": "%%%"}) as response:
        assert response.status == 400


async def test_numbers_that_json_has_not_are_shown_as_text(host: Host) -> None:
    await host.client.start_new("gives_nan", "one")
    assert (await host.wait_for("one"))["output"] == ["NaN", "Infinity"]


def test_settings_may_hold_comments_and_trailing_commas(tmp_path: Path) -> None:
    text = '{ // a comment\n "version": "2.0", /* more */ "extensions": {"http": {"routePrefix": "a//b,}",},},\n}'
    (tmp_path / "host.json").write_text(text)
    environment: dict[str, Any] = {}
    assert read_settings(tmp_path, environment).route_prefix == "a//b,}"
