"""Executions as a flat list, those at work too; the cycle at work by its number; the next fire times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.control.hub import Hub, eventually, schedules
from tests.integration.control.test_command import ok, run


async def listed(hub: Hub, query: str = "") -> dict[str, Any]:
    status, document, _ = await hub.call("GET", f"schedules/parity/executions{query}")
    assert status == 200, document
    return document


async def work(hub: Hub, cycles: int) -> None:
    """Let so many cycles handle ten messages each."""
    await hub.post("start")
    for number in range(cycles):
        await hub.until(phase="waiting")
        hub.put(*[0] * 10)
        await hub.post("trigger")

        async def done(wanted: int = 10 * (number + 1)) -> bool:
            document = await hub.schedule()
            return document["totals"]["processed"] == wanted and document["phase"] == "waiting"

        await eventually(done, lambda: "the messages were not handled")


async def test_executions_are_listed_newest_first_page_by_page(hub: Hub) -> None:
    await work(hub, 3)
    everything = (await listed(hub))["value"]
    assert sorted(each["index"] for each in everything) == [0, 0, 0, 1, 1, 1]
    assert [each["startedAt"] for each in everything] == sorted((e["startedAt"] for e in everything), reverse=True)
    assert [each["cycle"] for each in everything] == sorted((each["cycle"] for each in everything), reverse=True)
    first = everything[0]
    assert (first["name"], first["status"]) == (f"parity-{first['cycle']}-{first['index']}", "succeeded")
    assert sum(each["processed"] for each in everything) == 30
    pages: list[dict[str, Any]] = []
    query = "?top=4"
    while True:
        page = await listed(hub, query)
        pages += page["value"]
        if "continuationToken" not in page:
            break
        query = f"?top=4&continuationToken={page['continuationToken']}"
    assert pages == everything
    assert (await listed(hub, "?status=failed"))["value"] == []
    assert (await listed(hub, "?status=Succeeded"))["value"] == everything
    newest, *older = (await hub.call("GET", "schedules/parity/cycles"))[1]["value"]
    assert {each["cycle"] for each in (await listed(hub, f"?from={newest['endedAt']}"))["value"]} == {newest["cycle"]}
    earlier = {each["cycle"] for each in older if each["executions"]}
    assert {each["cycle"] for each in (await listed(hub, f"?to={older[0]['endedAt']}"))["value"]} == earlier


async def test_execution_at_work_is_listed_and_its_cycle_can_be_fetched(hub: Hub) -> None:
    hub.put(4)
    await hub.post("start")
    document = await hub.until(phase="processing")

    async def noted() -> bool:
        return bool((await listed(hub))["value"])

    await eventually(noted, lambda: "no execution is listed")
    (execution,) = (await listed(hub, "?status=running"))["value"]
    assert (execution["status"], execution["endedAt"], execution["cycle"]) == ("running", None, document["cycle"])
    status, cycle, _ = await hub.call("GET", f"schedules/parity/cycles/{document['cycle']}")
    assert status == 200
    assert (cycle["outcome"], cycle["endedAt"], len(cycle["executions"])) == ("running", None, 1)
    assert cycle["decision"]["reason"] == document["decision"]["reason"]
    assert (await hub.call("GET", "schedules/parity/cycles/999"))[0] == 404
    page = await ok(hub, "cycle", "parity", str(document["cycle"]))
    assert "not yet" in page
    assert "running" in page
    await hub.post("stop", {"reason": "x", "mode": "terminate"})


async def test_az_prints_what_the_list_of_a_job_prints(hub: Hub) -> None:
    await work(hub, 1)
    printed = json.loads(await ok(hub, "executions", "parity", "--output", "az"))
    assert len(printed) == 2
    job = printed[0]
    assert set(job) == {"id", "name", "properties", "type"}
    assert set(job["properties"]) == {"startTime", "endTime", "status", "template"}
    assert job["properties"]["status"] == "Succeeded"
    assert job["type"] == "Microsoft.App/jobs/executions"
    assert job["name"].startswith("parity-")
    table = await ok(hub, "executions", "parity", "--top", "1")
    assert "succeeded" in table
    assert len(table.splitlines()) == 2


@pytest.mark.parametrize("query", ["?continuationToken=c-000", "?az=maybe", "?top=0"])
async def test_list_that_cannot_be_read_is_refused(hub: Hub, query: str) -> None:
    assert (await hub.call("GET", f"schedules/parity/executions{query}"))[0] == 400


async def test_next_fire_times_are_those_of_the_present_wait(hub: Hub) -> None:
    status, stopped, _ = await hub.call("GET", "schedules/parity/next?count=2")
    assert (status, stopped["blockedBy"], len(stopped["value"])) == (200, "stopped", 2)
    await hub.post("start")
    document = await hub.until(phase="waiting")
    _, running, _ = await hub.call("GET", "schedules/parity/next?count=3")
    assert running["blockedBy"] is None
    assert running["value"][0]["at"] == document["nextCycleAt"]
    assert running["value"][0]["reason"] == document["nextCycleReason"]
    assert (await hub.call("GET", "schedules/parity/next?count=0"))[0] == 400


async def test_next_says_ticks_with_their_zone() -> None:
    async with Hub(schedules(waitMode="cron", cron="30 2 * * *", timeZone="Europe/Berlin")) as hub:
        shown = await ok(hub, "next", "parity", "--count", "2")
        assert "held back: stopped" in shown
        assert shown.count("02:30 Europe/Berlin") + shown.count("03:00 Europe/Berlin") == 2
        assert "cron 30 2 * * *" in shown
        assert len(json.loads(await ok(hub, "next", "parity", "-o", "json"))["value"]) == 10
        assert (await run(hub, "next", "nosuch")).exit_code == 3
