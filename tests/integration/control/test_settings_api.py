"""Overrides of settings and conditional requests over HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ebb.core.contract.store import update
from ebb.core.settings.schedules import Schedules
from tests.integration.control.hub import Hub, schedules

SETTINGS = "schedules/parity/settings"


async def test_patch_merges_removes_and_reset_forgets(hub: Hub) -> None:
    _, document, _ = await hub.call("PATCH", SETTINGS, {"maxExecutions": 3, "queueLength": 7})
    assert document["overrides"] == {"maxExecutions": 3, "queueLength": 7}
    assert (document["settings"]["maxExecutions"], document["changed"]) == (3, True)
    _, document, _ = await hub.call("PATCH", SETTINGS, {"maxExecutions": None, "source": {"queueName": "other"}})
    assert document["overrides"] == {"queueLength": 7, "source": {"queueName": "other"}}
    assert document["settings"]["source"] == {**document["settings"]["source"], "type": "memory", "queueName": "other"}
    _, document, _ = await hub.call("PATCH", SETTINGS, {"source": {"queueName": None}})
    assert document["overrides"] == {"queueLength": 7}
    status, document, _ = await hub.call("DELETE", SETTINGS)
    assert (status, document["overrides"], document["settings"]["queueLength"]) == (200, {}, 5)


async def test_settings_that_do_not_fit_are_all_named_and_change_nothing(hub: Hub) -> None:
    wrong = {"maxExecutions": 0, "nosuch": 1, "visibilityTimeout": "soon"}
    status, problem, headers = await hub.call("PATCH", SETTINGS, wrong)
    assert (status, problem["code"]) == (422, "invalidSettings")
    assert headers["Content-Type"].startswith("application/problem+json")
    assert {error["field"] for error in problem["errors"]} == set(wrong)
    status, problem, _ = await hub.call("PATCH", SETTINGS, {"minExecutions": 50})
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["minExecutions"])
    status, problem, _ = await hub.call("PATCH", SETTINGS, {"handler": "no.such:thing"})
    assert (status, [error["field"] for error in problem["errors"]]) == (422, ["handler"])
    assert (await hub.services.store.get("parity")).etag is None, "the row was written"


async def test_override_applies_from_the_next_cycle(hub: Hub) -> None:
    hub.put(0, 0, 0)
    await hub.call("PATCH", SETTINGS, {"maxExecutions": 2, "queueLength": 1})
    await hub.post("start")
    document = await hub.until(phase="waiting")
    assert (document["decision"]["executions"], document["decision"]["limitedBy"]) == (2, "maxExecutions")


async def test_deployment_under_overrides_shows_the_difference(hub: Hub) -> None:
    await hub.call("PATCH", SETTINGS, {"maxExecutions": 3})
    assert (await hub.schedule())["warnings"] == []
    hub.services.schedules = Schedules({"parity": {**schedules()["parity"].to_document(), "maxExecutions": 20}})
    (warning,) = (await hub.schedule())["warnings"]
    assert warning == "maxExecutions is overridden with 3; schedules.yaml said 10 then and says 20 now"
    hub.services.schedules = Schedules({"parity": {**schedules()["parity"].to_document(), "minExecutions": 5}})
    assert any("do not fit" in warning for warning in (await hub.schedule())["warnings"])


async def test_operators_with_one_version_have_one_winner(hub: Hub) -> None:
    _, _, headers = await hub.call("GET", "schedules/parity")
    condition = {"If-Match": headers["ETag"]}
    calls = [hub.call("PATCH", SETTINGS, {"maxExecutions": number}, condition) for number in range(1, 11)]
    answers = await asyncio.gather(*calls)
    assert sorted(status for status, _, _ in answers) == [200] + [412] * 9
    (won,) = (document for status, document, _ in answers if status == 200)
    assert (await hub.schedule())["overrides"] == won["overrides"]


async def test_patches_without_a_condition_lose_nothing(hub: Hub) -> None:
    patches: list[dict[str, Any]] = [{"maxExecutions": 7}, {"queueLength": 2}, {"batchSize": 4}, {"concurrency": 3}]
    await asyncio.gather(*(hub.call("PATCH", SETTINGS, patch) for patch in patches))
    assert (await hub.schedule())["overrides"] == {key: value for patch in patches for key, value in patch.items()}


async def test_a_cycle_that_went_by_refuses_no_change_but_an_operator_does(hub: Hub) -> None:
    await hub.post("start")
    await hub.until(phase="waiting")
    _, _, headers = await hub.call("GET", "schedules/parity")
    before = headers["ETag"]
    await hub.post("trigger")
    await hub.until(phase="waiting", cycle=2)
    _, _, headers = await hub.call("GET", "schedules/parity")
    assert headers["ETag"] != before
    assert (await hub.call("PATCH", SETTINGS, {"maxExecutions": 3}, {"If-Match": before}))[0] == 200
    status, problem, _ = await hub.call("POST", "schedules/parity/stop", {"reason": "x"}, {"If-Match": before})
    assert (status, problem["code"]) == (412, "changedSince")
    assert (await hub.schedule())["state"] == "running"
    assert (await hub.call("DELETE", SETTINGS, None, {"If-Match": "*"}))[0] == 200


async def test_unchanged_schedule_is_not_sent_again(hub: Hub) -> None:
    _, _, headers = await hub.call("GET", "schedules/parity")
    tag = headers["ETag"]
    for given in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        status, body, headers = await hub.call("GET", "schedules/parity", None, {"If-None-Match": given})
        assert (status, body, headers["ETag"]) == (304, "", tag), given
    row = await update(hub.services.store, "parity", lambda row: replace(row, cycle=5))
    assert row.cycle == 5
    assert (await hub.call("GET", "schedules/parity", None, {"If-None-Match": tag}))[0] == 200


BAD = [
    ("POST", "stop", b"", 400),
    ("POST", "stop", b"{}", 400),
    ("POST", "stop", b'{"reason": "  "}', 400),
    ("POST", "stop", b'{"reason": 5}', 400),
    ("POST", "stop", b'{"reason": "x", "mode": "softly"}', 400),
    ("POST", "stop", b'{"reason": "x", "extra": 1}', 400),
    ("POST", "stop", b'{"reason": "' + b"x" * 1001 + b'"}', 400),
    ("POST", "stop", b'{"reason": "\\ud800"}', 400),
    ("POST", "stop", b'{"reason": "\\u001b[2J"}', 400),
    ("POST", "start", b"[]", 400),
    ("POST", "start", b"{", 400),
    ("POST", "start", b"\xff\xfe", 400),
    ("POST", "start", b'{"settings": 5}', 400),
    ("POST", "start", b'{"settings": {"maxExecutions": 0}}', 422),
    ("POST", "start", b"[" * 100_000, 413),
    ("POST", "start", b"[" * 60_000, 400),
    ("POST", "pause", b'{"reason": "x", "until": "tomorrow"}', 400),
    ("POST", "pause", b'{"reason": "x", "until": "2020-01-01T00:00:00Z"}', 400),
    ("POST", "pause", b'{"reason": "x", "until": "2099-01-01T00:00:00"}', 400),
    ("POST", "pause", b'{"reason": "x", "until": 7}', 400),
    ("PATCH", "settings", b"{}", 400),
    ("PATCH", "settings", b'{"maxExecutions": NaN}', 400),
    ("PATCH", "settings", b'{"maxExecutions": 1e999}', 422),
    ("PATCH", "settings", b'{"source": []}', 422),
    ("PATCH", "settings", b'{"source": {"type": "nosuch"}}', 422),
    ("GET", "cycles?top=0", None, 400),
    ("GET", "cycles?top=1001", None, 400),
    ("GET", "cycles?top=x", None, 400),
    ("GET", "cycles?continuationToken=x", None, 400),
    ("GET", "cycles/seven", None, 404),
    ("GET", "cycles/-1", None, 404),
    ("GET", "cycles/99999999999999999999", None, 404),
    ("GET", "events?kind=x", None, 400),
    ("GET", "events?kind=", None, 400),
    ("GET", "cycles?top=", None, 400),
    ("GET", "cycles?continuationToken=", None, 400),
    ("GET", "poison?source=2", None, 400),
    ("DELETE", "poison", b'{"ids": []}', 400),
    ("POST", "poison/requeue", b'{"ids": [5]}', 400),
    ("GET", "poison/nosuch", None, 404),
]


async def test_bad_input_is_refused_with_a_problem_and_changes_nothing(hub: Hub) -> None:
    for method, path, body, expected in BAD:
        status, problem, headers = await hub.call(method, f"schedules/parity/{path}", body)
        case = (method, path, body and body[:60], status, problem)
        assert status == expected, case
        assert headers["Content-Type"].startswith("application/problem+json"), case
        assert problem["status"] == expected, case
        assert {"type", "title", "status", "detail", "code"} <= problem.keys(), case
        assert headers["x-ms-error-code"] == problem["code"], case
    assert (await hub.services.store.get("parity")).etag is None
    assert await hub.events() == []


@pytest.mark.parametrize("name", ["nosuch", "%3Cscript%3E", "a" * 300, "..%2f"])
async def test_unknown_schedule_is_404_on_every_route(hub: Hub, name: str) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", "/start"),
        ("POST", "/stop"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/trigger"),
        ("PATCH", "/settings"),
        ("DELETE", "/settings"),
        ("GET", "/cycles"),
        ("GET", "/cycles/1"),
        ("GET", "/events"),
        ("GET", "/poison"),
        ("DELETE", "/poison"),
        ("POST", "/poison/requeue"),
    ):
        assert (await hub.call(method, f"schedules/{name}{path}", b"{}"))[0] == 404, (method, path)
