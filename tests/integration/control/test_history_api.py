"""Cycles, events and poison messages over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from ebb.core.clock import rfc3339
from ebb.sources.memory.source import BROKER
from tests.azurite import Azurite
from tests.integration.control.hub import Hub, schedules

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_cycles_come_in_pages_and_as_json_lines(hub: Hub) -> None:
    for number in range(1, 6):
        times = {"startedAt": rfc3339(START), "endedAt": rfc3339(START + timedelta(minutes=number))}
        await hub.services.store.write_cycle("parity", {"cycle": number, "executions": [], **times})
    _, page, _ = await hub.call("GET", "schedules/parity/cycles?top=3")
    assert [cycle["cycle"] for cycle in page["value"]] == [5, 4, 3]
    _, rest, _ = await hub.call("GET", f"schedules/parity/cycles?top=3&continuationToken={page['continuationToken']}")
    assert ([cycle["cycle"] for cycle in rest["value"]], "continuationToken" in rest) == ([2, 1], False)
    status, lines, headers = await hub.call(
        "GET", "schedules/parity/cycles?top=3", None, {"Accept": "application/x-ndjson"}
    )
    cycles = lines if isinstance(lines, list) else [json.loads(line) for line in lines.splitlines()]
    assert (status, cycles, headers["x-ebb-continuation-token"]) == (200, page["value"], page["continuationToken"])
    assert (await hub.call("GET", "schedules/parity/cycles/4"))[1]["cycle"] == 4
    assert (await hub.call("GET", "schedules/parity/cycles/6"))[0] == 404


async def test_events_tell_who_did_what(hub: Hub) -> None:
    await hub.post("start", {"reason": "<b>go</b>"})
    await hub.post("stop", {"reason": "done"})
    _, page, _ = await hub.call("GET", "schedules/parity/events")
    assert [(event["action"], event["reason"]) for event in page["value"]] == [("stop", "done"), ("start", "<b>go</b>")]
    _, page, _ = await hub.call("GET", "schedules/parity/events?kind=incident")
    assert page["value"] == []


async def test_poison_is_listed_put_back_and_purged(hub: Hub) -> None:
    source: Any = hub.services.schedules["parity"].source
    queue = BROKER.create(source.queue_name)
    hub.put("x", "y", "z")  # not numbers: the handler fails
    await hub.call("PATCH", "schedules/parity/settings", {"maxDequeueCount": 1})
    await hub.post("start")
    await hub.until(phase="waiting")
    _, page, _ = await hub.call("GET", "schedules/parity/poison")
    assert (page["count"], {each["body"] for each in page["value"]}) == (3, {"x", "y", "z"})
    first = page["value"][0]
    assert "could not convert" in first["reason"]
    status, one, _ = await hub.call("GET", f"schedules/parity/poison/{first['id']}")
    assert (status, one) == (200, first)
    await hub.post("stop", {"reason": "x"})
    await hub.until(state="stopped")
    status, answer = await hub.post("poison/requeue", {"ids": [first["id"], "nosuch"], "reason": "fixed"})
    assert (status, answer) == (200, {"requeued": 1, "remaining": 2, "notFound": ["nosuch"]})
    assert [each.body.decode() for each in queue.messages.values()] == [first["body"]]
    _, answer, _ = await hub.call("DELETE", "schedules/parity/poison")
    assert answer == {"purged": 2, "remaining": 0}
    actions = [event["action"] for event in await hub.events("audit")]
    assert sorted(actions[-2:]) == ["purgePoison", "requeuePoison"]


async def test_poison_of_a_storage_queue_is_listed_put_back_and_purged(azurite: Azurite) -> None:
    source = {"type": "storageQueue", "queueName": "control-poison", "createQueue": True}
    async with Hub(schedules(source=source, handler="handlers.parity:classify")) as hub:
        hub.services.environment = {"AzureWebJobsStorage": azurite.connection_string}
        assert (await hub.call("GET", "schedules/parity/poison"))[1] == {"count": 0, "value": []}
        settings = hub.services.schedules["parity"]
        async with hub.services.source(settings) as queue:
            put = cast("Any", queue)._queue().put
            for text in ("MQ==", "bm8=", "bmVpdGhlcg==", "not base64!"):  # 1, no, neither
                await put(text)
            await hub.post("start")
            await hub.until(phase="waiting")
        _, page, _ = await hub.call("GET", "schedules/parity/poison")
        bodies = {each["body"]: each for each in page["value"]}
        assert (page["count"], set(bodies)) == (3, {"no", "neither", "not base64!"})
        assert "UNIX time" in bodies["no"]["reason"]
        await hub.post("stop", {"reason": "x"})
        await hub.until(state="stopped")
        _, answer = await hub.post("poison/requeue", {"ids": [bodies["neither"]["id"]]})
        assert answer == {"requeued": 1, "remaining": 2}
        async with hub.services.source(settings) as queue:
            assert (await queue.measure()).count == 1
        _, page, _ = await hub.call("GET", "schedules/parity/poison")
        assert {each["body"] for each in page["value"]} == {"no", "not base64!"}, "what was not meant stays visible"
        assert (await hub.call("DELETE", "schedules/parity/poison"))[1] == {"purged": 2, "remaining": 0}


async def test_source_without_a_poison_place_says_so() -> None:
    async with Hub(schedules(source={"type": "tick"})) as hub:
        status, problem, _ = await hub.call("GET", "schedules/parity/poison")
        assert (status, problem["code"]) == (404, "noPoisonPlace")
