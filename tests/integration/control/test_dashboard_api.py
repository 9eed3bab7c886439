"""What the dashboard asks of the API: unchanged lists, the past as a curve, other settings tried, filtered poison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from ebb.core.clock import rfc3339
from ebb.core.row.looks import Look
from ebb.sources.memory.source import BROKER
from tests.integration.control.hub import Hub, schedules

START = datetime(2026, 1, 1, tzinfo=UTC)


async def write_cycles(hub: Hub, count: int) -> None:
    for number in range(1, count + 1):
        began, ended = (rfc3339(START + timedelta(minutes=number + end)) for end in (-1, 0))
        cycle = {
            "cycle": number,
            "startedAt": began,
            "endedAt": ended,
            "executions": [{"index": 0, "startedAt": began}] * 2,
        }
        cycle |= {"backlog": {"count": 12 * number, "measuredAt": began}, "decision": {"executions": 2, "reason": ""}}
        await hub.services.store.write_cycle("parity", {**cycle, "processed": 9, "failed": 1, "poisoned": 0})


async def test_list_that_has_not_changed_is_not_sent_again(hub: Hub) -> None:
    status, _, headers = await hub.call("GET", "schedules")
    tag = headers["ETag"]
    assert status == 200
    assert (await hub.call("GET", "schedules", None, {"If-None-Match": tag}))[0] == 304
    await hub.post("start")
    await hub.until(phase="waiting")
    status, page, headers = await hub.call("GET", "schedules", None, {"If-None-Match": tag})
    assert (status, page["value"][0]["state"]) == (200, "running")
    assert headers["ETag"] != tag


async def test_series_is_of_cycles_and_of_looks_where_there_was_no_cycle(hub: Hub) -> None:
    await write_cycles(hub, 3)
    idle = START + timedelta(minutes=30)
    await hub.services.store.write_looks("parity", [Look(int(idle.timestamp()), 4, 0, 27, 3)])
    query = f"from={rfc3339(START)}&to={rfc3339(START + timedelta(hours=1))}&step=600"
    status, document, _ = await hub.call("GET", f"schedules/parity/series?{query}")
    assert status == 200, document
    assert document["backlog"] == [36, None, None, 4, None, None]
    assert document["processed"] == [27, 0, 0, 0, 0, 0]
    assert document["executions"] == [2, 0, 0, 0, 0, 0]
    assert document["cyclesSince"] == document["from"] == rfc3339(START)


async def test_series_of_the_last_hour_has_what_just_happened(hub: Hub) -> None:
    hub.put(0, 0, 0)
    await hub.post("start")
    await hub.until(phase="waiting")
    _, document, _ = await hub.call("GET", "schedules/parity/series")
    assert sum(document["processed"]) == 3
    assert max(count for count in document["backlog"] if count is not None) == 3
    assert (await hub.schedule())["recent"][0][1:] == [3, 1]


async def test_series_that_cannot_be_answered_is_a_problem(hub: Hub) -> None:
    for query in (
        "from=yesterday",
        "step=0",
        f"from={rfc3339(START)}&to={rfc3339(START)}",
        f"from={rfc3339(START)}&step=1",
        f"from={rfc3339(START)}&to={rfc3339(START - timedelta(hours=1))}",
        "from=0001-01-01T00:00:00Z",
    ):
        status, problem, _ = await hub.call("GET", f"schedules/parity/series?{query}")
        assert (status, problem["code"]) == (400, "invalidRequest"), query


async def test_cycles_and_events_of_a_time(hub: Hub) -> None:
    await write_cycles(hub, 6)
    query = f"from={rfc3339(START + timedelta(minutes=2))}&to={rfc3339(START + timedelta(minutes=4))}"
    _, page, _ = await hub.call("GET", f"schedules/parity/cycles?{query}")
    assert [cycle["cycle"] for cycle in page["value"]] == [4, 3, 2]
    await hub.post("start", {"reason": "now"})
    assert (await hub.call("GET", f"schedules/parity/events?{query}"))[1]["value"] == []
    since = rfc3339(datetime.now(UTC) - timedelta(minutes=1))
    assert len((await hub.call("GET", f"schedules/parity/events?from={since}"))[1]["value"]) == 1


async def test_plan_under_other_settings_says_what_it_and_the_recorded_cycles_would_do(hub: Hub) -> None:
    hub.put(*[0] * 30)
    await write_cycles(hub, 3)
    before = await hub.services.store.get("parity")
    wanted = {"settings": {"queueLength": 4, "maxExecutions": 8}, "cycles": 2}
    status, plan = await hub.post("plan", wanted)
    assert status == 200, plan
    assert plan["decision"]["executions"] == 8
    assert plan["settings"]["queueLength"] == 4
    recorded = [(each["cycle"], each["executions"], each["planned"]["executions"]) for each in plan["recorded"]]
    assert recorded == [(3, 2, 8), (2, 2, 6)]
    assert await hub.services.store.get("parity") == before
    assert (await hub.call("GET", "schedules/parity/plan"))[1]["decision"]["executions"] == 6


async def test_plan_under_settings_that_cannot_be_used_names_them(hub: Hub) -> None:
    status, problem = await hub.post("plan", {"settings": {"maxExecutions": 0}})
    assert (status, problem["code"], problem["errors"][0]["field"]) == (422, "invalidSettings", "maxExecutions")
    for body in ({"settings": 3}, {"cycles": 0}, {"cycles": "many"}, {"other": 1}):
        assert (await hub.post("plan", body))[0] == 400


async def test_plan_over_cycles_with_other_sources_leaves_them_open() -> None:
    sources = [{"type": "memory", "queueName": "a"}, {"type": "memory", "queueName": "b"}]
    async with Hub(schedules(source=None, sources=sources)) as hub:
        await write_cycles(hub, 1)
        parts = [{"name": "a", "count": 3, "error": None}, {"name": "b", "count": 8, "error": None}]
        cycle = {"cycle": 2, "executions": [], "backlog": {"count": 11, "measuredAt": rfc3339(START), "sources": parts}}
        await hub.services.store.write_cycle("parity", cycle)
        _, plan = await hub.post("plan", {})
        assert [each["planned"] and each["planned"]["executions"] for each in plan["recorded"]] == [2, None]


async def test_poison_is_shown_put_back_and_purged_by_what_it_holds(hub: Hub) -> None:
    source: Any = hub.services.schedules["parity"].source
    queue = BROKER.create(source.queue_name)
    hub.put("apple", "Apple pie", "pear")
    await hub.call("PATCH", "schedules/parity/settings", {"maxDequeueCount": 1})
    await hub.post("start")
    await hub.until(phase="waiting")
    _, page, _ = await hub.call("GET", "schedules/parity/poison?search=APPLE")
    assert (page["count"], len(page["value"])) == (3, 2)
    await hub.post("stop", {"reason": "x"})
    await hub.until(state="stopped")
    assert (await hub.post("poison/requeue", {"text": "pie", "reason": "fixed"}))[1] == {"requeued": 1, "remaining": 2}
    assert [each.body for each in queue.messages.values()] == [b"Apple pie"]
    assert (await hub.call("DELETE", "schedules/parity/poison", {"text": "app"}))[1] == {"purged": 1, "remaining": 1}
    assert {event.get("text") for event in await hub.events("audit")} >= {"pie", "app"}


async def test_change_of_settings_has_its_reason_in_the_trail(hub: Hub) -> None:
    headers = {"ebb-reason": quote("größer, für die Nacht")}
    assert (await hub.call("PATCH", "schedules/parity/settings", {"maxExecutions": 3}, headers))[0] == 200
    assert (await hub.call("DELETE", "schedules/parity/settings", None, {"ebb-reason": "done"}))[0] == 200
    assert [event["reason"] for event in await hub.events("audit")] == ["größer, für die Nacht", "done"]
    status, problem, _ = await hub.call("DELETE", "schedules/parity/settings", None, {"ebb-reason": "%20"})
    assert (status, problem["code"]) == (400, "invalidRequest")
