"""GET .../why: the history is found and told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from ebb.core.clock import rfc3339
from ebb.core.row.looks import Look
from tests.integration.control.hub import Hub

NOW = datetime.now(UTC).replace(microsecond=0)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


async def why(hub: Hub, at: datetime | None = None) -> dict[str, Any]:
    query = f"?at={quote(at.isoformat())}" if at else ""
    status, document, _ = await hub.call("GET", f"schedules/parity/why{query}")
    assert status == 200, document
    return document


async def write_event(hub: Hub, minutes: float, action: str, **members: Any) -> None:
    at = rfc3339(ago(minutes))
    event = {"id": f"{action}-{minutes}", "at": at, "kind": "audit", "schedule": "parity", "action": action, **members}
    await hub.services.store.write_event("parity", event)


async def test_schedule_that_was_never_started_says_so(hub: Hub) -> None:
    answer = await why(hub, ago(30))
    assert (answer["code"], answer["cycle"]) == ("neverStarted", None)
    assert answer["answer"] == "It had never been started. It is stopped still: `ebb start parity`."
    assert answer["at"] == rfc3339(ago(30))


async def test_history_is_told_at_its_times(hub: Hub) -> None:
    await write_event(hub, 120, "start", by="ann")
    await write_event(hub, 60, "pause", by="bob", reason="the database moves", until=None)
    await write_event(hub, 40, "resume", by="bob")
    for number, began, took in ((1, 110, 5), (2, 90, 20), (3, 20, 1)):
        times = {"startedAt": rfc3339(ago(began)), "endedAt": rfc3339(ago(began - took))}
        cycle = {"cycle": number, **times, "executions": [], "outcome": "succeeded", "processed": 3}
        await hub.services.store.write_cycle("parity", cycle)
    looks = [Look(int(ago(each).timestamp()), 0, 0, 0, 0) for each in (38, 36, 34)]
    await hub.services.store.write_looks("parity", looks)
    expected = {
        110: ("ran", 1),
        80: ("atWork", 2),
        50: ("paused", None),
        35: ("nothingToDo", None),
        27: ("silent", None),
        20: ("ran", 3),
    }
    answers = {minutes: await why(hub, ago(minutes)) for minutes in expected}
    assert {minutes: (each["code"], each["cycle"]) for minutes, each in answers.items()} == expected
    assert "by bob: the database moves" in (await why(hub, ago(50)))["answer"]


async def test_settings_of_then_count(hub: Hub) -> None:
    await write_event(hub, 120, "start")
    await write_event(hub, 30, "changeSettings", by="ann", before={"activationQueueLength": 5}, after={})
    await hub.services.store.write_looks("parity", [Look(int(ago(each).timestamp()), 3, 0, 0, 0) for each in (61, 59)])
    answer = await why(hub, ago(60))
    assert answer["code"] == "nothingToDo"
    assert "3 messages, and it acts on more than 5 (activationQueueLength)" in answer["answer"]
    told = "settings were changed later by ann: activationQueueLength 5 -> as deployed"
    assert answer["evidence"][-1]["text"] == told


async def test_schedule_that_waits_says_until_when(hub: Hub) -> None:
    await hub.post("start", {"reason": "x"})
    document = await hub.until(phase="waiting")
    answer = await why(hub)
    assert answer["code"] == "waiting"
    assert document["nextCycleReason"] in answer["answer"]
    hub.put(3)
    await hub.post("trigger")
    document = await hub.until(phase="processing")
    answer = await why(hub)
    assert (answer["code"], answer["cycle"]) == ("ran", document["cycle"])
    assert "is still at work" in answer["answer"]


@pytest.mark.parametrize("at", ["10:00", "yesterday", "2026-01-01T10:00:00", ""])
async def test_time_without_an_offset_is_refused(hub: Hub, at: str) -> None:
    status, problem, _ = await hub.call("GET", f"schedules/parity/why?at={quote(at)}")
    assert (status, problem["code"]) == (400, "invalidRequest")


async def test_unknown_schedule_is_not_found(hub: Hub) -> None:
    assert (await hub.call("GET", "schedules/nosuch/why"))[0] == 404
