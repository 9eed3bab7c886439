"""Conformance 17 to 24: what an orchestrator is told, and what is made of its reply."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.decisions import new_actions
from devhost.episode import Episodes
from devhost.errors import ReplyError
from devhost.indexing import list_functions
from devhost.instance import Instance
from devhost.replay import Reply, payload, replay_json, replay_live, replay_parsed
from packages.devhost.tests.running import APPS

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
seen_payloads: list[dict[str, Any]] = []
notes: list[Any] = []
script: dict[str, Any] = {}


@app.activity_trigger(input_name="value")
async def echo(value: Any) -> Any:
    return value


@app.orchestration_trigger(context_name="context")
def two_steps(context: df.DurableOrchestrationContext):
    if not context.is_replaying:
        notes.append("begin")
    first = yield context.call_activity("echo", 1)
    if not context.is_replaying:
        notes.append("middle")
    second = yield context.call_activity("echo", first + 1)
    if not context.is_replaying:
        notes.append("end")
    return second


@app.orchestration_trigger(context_name="context")
def times(context: df.DurableOrchestrationContext):
    found = [context.current_utc_datetime]
    for _ in range(3):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
        found.append(context.current_utc_datetime)
    notes.append(found)
    return [one.isoformat() for one in found]


@app.orchestration_trigger(context_name="context")
def uuids(context: df.DurableOrchestrationContext):
    before = [context.new_uuid(), str(context.new_guid())]
    yield context.call_activity("echo", 0)
    after = [context.new_uuid(), str(context.new_guid())]
    notes.append((before, after))
    yield context.call_activity("echo", 0)
    return [*before, *after]


@app.orchestration_trigger(context_name="context")
def changing(context: df.DurableOrchestrationContext):
    yield context.call_activity(script["first"], 1)
    yield context.wait_for_external_event("go")
    return "ended"


@app.activity_trigger(input_name="value")
async def other(value: Any) -> Any:
    return value


@pytest.fixture(autouse=True)
def _forget() -> None:
    notes.clear()
    seen_payloads.clear()


def _recording(episodes: Episodes) -> None:
    def replay(handle: Any, instance: Instance) -> Reply:
        seen_payloads.append(json.loads(json.dumps(payload(instance))))
        session, instance.replay_cache = instance.replay_cache, None
        by_text, by_events = replay_json(handle, instance), replay_parsed(handle, instance)
        assert by_text == by_events
        instance.replay_cache = session
        live = replay_live(handle, instance)
        assert live == by_events
        return live

    episodes.replay = replay


def _types(history: list[dict[str, Any]]) -> list[int]:
    return [event["EventType"] for event in history]


async def test_c17_first_history_of_new_instance_is_started_events_with_version() -> None:
    async with Host(app, clock=ManualClock()) as host:
        _recording(host.engine.episodes)
        await host.wait_for(await host.operations.start("two_steps"))
    first = seen_payloads[0]["history"]
    assert _types(first) == [12, 0]
    assert first[1]["Version"] == ""


async def test_c18_history_after_activity_is_framed_by_episode() -> None:
    async with Host(app, clock=ManualClock()) as host:
        _recording(host.engine.episodes)
        await host.wait_for(await host.operations.start("two_steps"))
    second = seen_payloads[1]["history"]
    assert _types(second) == [12, 0, 4, 13, 12, 5]
    assert second[2]["EventId"] == 0
    assert second[5]["TaskScheduledId"] == 0


async def test_c19_timestamps_of_old_events_stay_byte_equal() -> None:
    async with Host(app, clock=ManualClock()) as host:
        _recording(host.engine.episodes)
        await host.wait_for(await host.operations.start("times"))
    for earlier, later in pairwise(seen_payloads):
        assert later["history"][: len(earlier["history"])] == earlier["history"]


async def test_c20_current_time_is_aware_and_never_goes_back() -> None:
    async with Host(app, clock=ManualClock(datetime(2026, 3, 1, tzinfo=UTC))) as host:
        status = await host.wait_for(await host.operations.start("times"))
    found = notes[-1]
    assert all(one.tzinfo is not None for one in found)
    assert found == sorted(found)
    assert status["output"][0] == "2026-03-01T00:00:00+00:00"
    assert status["output"][3] == "2026-03-01T00:00:30+00:00"


async def test_c21_line_guarded_by_is_replaying_shows_once() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.wait_for(await host.operations.start("two_steps"))
    assert notes == ["begin", "middle", "end"]


async def test_c22_new_uuid_is_equal_on_each_replay() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.wait_for(await host.operations.start("uuids"))
    assert len(notes) == 2
    assert notes[0] == notes[1]
    assert len({*notes[0][0], *notes[0][1]}) == 4


async def test_c23_changed_orchestrator_fails_naming_expected_and_actual(tmp_path: Path) -> None:
    script["first"] = "echo"
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await host.operations.start("changing", "one")
        await host.run_until(timedelta(seconds=1))
    script["first"] = "other"
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await host.operations.raise_event("one", "go", "1")
        status = await host.wait_for("one")
    assert status["runtimeStatus"] == "Failed"
    assert "Non-Deterministic workflow detected" in status["output"]
    assert "an activity task with sequence number 0 named 'echo'" in status["output"]
    assert "scheduled an activity task named 'other'" in status["output"]


async def test_c23_activity_that_is_no_longer_called_fails_too() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("changing", "one")
        await host.run_until(timedelta(seconds=1))
        instance = host.engine.live["one"]
        with pytest.raises(ReplyError, match=r"hasn't \(yet\?\) scheduled this task"):
            new_actions(instance, [])


async def test_c24_other_schema_version_fails_the_instance() -> None:
    def handle(_body: str) -> str:
        return json.dumps({"isDone": True, "schemaVersion": 3, "actions": [[]]})

    def replay(_handle: Any, instance: Instance) -> Reply:
        return replay_json(handle, instance)

    async with Host(app, clock=ManualClock()) as host:
        host.engine.episodes.replay = replay
        status = await host.wait_for(await host.operations.start("two_steps"))
    assert status["runtimeStatus"] == "Failed"
    assert "schemaVersion 3" in status["output"]


def test_functions_of_one_app_object_can_be_listed_twice() -> None:
    assert list_functions(app, {}) == list_functions(app, {})


async def test_both_ways_of_replay_agree_over_a_whole_sample_app() -> None:
    async with Host(APPS / "basics", clock=ManualClock()) as host:
        _recording(host.engine.episodes)
        given = {"counter": {"n": 0, "until": 5}, "retrying": {"key": "both", "failures": 2}, "fan_out": 12}
        names = ["chain", "fan_out", "approval", "counter", "retrying", "parent"]
        for name in names:
            await host.client.start_new(name, name, given.get(name))
        await host.client.raise_event("approval", "Other", 1)
        await host.client.raise_event("approval", "Approval", {"by": "me"})
        for name in names:
            assert (await host.wait_for(name))["runtimeStatus"] == "Completed", name
    assert len(seen_payloads) > 30
