"""What a request costs and says when the store or Durable Functions is away; and what no answer ever shows."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationClient

from ebb.core.errors import StoreUnavailableError
from ebb.core.settings.schedules import Schedules
from ebb.store.memory import MemoryStore
from tests.integration.control.hub import Hub, schedules

CHANGES: list[tuple[str, str, Any]] = [
    ("POST", "start", {}),
    ("POST", "stop", {"reason": "x"}),
    ("POST", "pause", {"reason": "x"}),
    ("POST", "resume", {}),
    ("POST", "trigger", {}),
    ("PATCH", "settings", {"maxExecutions": 3}),
    ("DELETE", "settings", None),
]


class CountingStore(MemoryStore):
    """A store that counts its calls, each of which is one request to the tables, and can be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.is_away = False

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and callable(getattr(MemoryStore, name, None)):
            self.calls[name] += 1
            if self.is_away:
                raise StoreUnavailableError("table EbbSchedules at 127.0.0.1 cannot be reached")
        return super().__getattribute__(name)


async def test_store_that_is_away_is_said_and_nothing_is_changed() -> None:
    store = CountingStore()
    async with Hub(schedules(), store) as hub:
        store.is_away = True
        for method, path, body in [*CHANGES, ("GET", "", None), ("GET", "cycles", None), ("GET", "events", None)]:
            status, problem, headers = await hub.call(method, f"schedules/parity/{path}".rstrip("/"), body)
            assert (status, problem["code"]) == (503, "storeUnavailable"), (method, path, problem)
            assert headers["Retry-After"]
        assert (await hub.call("GET", "health"))[0] == 503
        store.is_away = False
        assert (await store.get("parity")).etag is None
        assert (await hub.schedule())["state"] == "stopped"


async def test_durable_that_is_away_is_said_and_nothing_is_changed(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        for method in ("get_status", "get_status_by", "start_new", "raise_event", "terminate"):
            patch.setattr(DurableOrchestrationClient, method, away)
        for method, path, body in [*CHANGES, ("GET", "", None)]:
            status, problem, _ = await hub.call(method, f"schedules/parity/{path}".rstrip("/"), body)
            assert (status, problem["code"]) == (503, "durableUnavailable"), (method, path, problem)
        assert (await hub.call("GET", "schedules"))[0] == 503
    assert (await hub.services.store.get("parity")).etag is None


async def test_start_that_was_written_and_not_launched_is_brought_up_by_the_next(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(DurableOrchestrationClient, "start_new", away)
        assert (await hub.post("start"))[0] == 503
    assert (await hub.schedule())["state"] == "starting"
    assert (await hub.post("stop", {"reason": "try again"}))[0] == 202
    assert (await hub.post("start"))[0] == 202
    await hub.until(state="running", phase="waiting")


async def test_status_and_list_cost_one_request_to_the_store_however_many_schedules_there_are() -> None:
    store = CountingStore()
    known = Schedules({f"job-{number}": schedules()["parity"].to_document() for number in range(120)})
    async with Hub(known, store) as hub:
        store.calls.clear()
        _, document, _ = await hub.call("GET", "schedules")
        assert len(document["value"]) == 120
        assert store.calls == {"rows": 1}
        store.calls.clear()
        await hub.call("GET", "schedules/job-7")
        assert store.calls == {"get": 1}


async def test_no_answer_shows_keys_or_addresses_of_durable(hub: Hub) -> None:
    shown: list[Any] = []
    for method, path, body in CHANGES:
        _, document, headers = await hub.call(method, f"schedules/parity/{path}", body)
        shown += [document, dict(headers)]
    for path in ("schedules", "schedules/parity", "schedules/parity/events", "schedules/parity/plan", "health"):
        shown.append((await hub.call("GET", path))[1])
    text = json.dumps(shown)
    for secret in ("webhooks", "code=", "AccountKey", "statusQueryGetUri"):
        assert secret not in text
