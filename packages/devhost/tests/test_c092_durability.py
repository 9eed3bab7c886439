"""Conformance 92 to 96: crashes, limits, and one episode at a time."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.errors import DevhostError, StateError
from devhost.instance import Instance
from devhost.replay import Reply, replay_parsed
from devhost.settings import HostSettings
from devhost.store import Store
from packages.devhost.tests.running import APPS, Process

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
running = {"now": 0, "most": 0, "begun": 0}
gate = asyncio.Event()
clocks: list[ManualClock] = []


@app.activity_trigger(input_name="value")
async def counted(value: int) -> int:
    running["begun"] += 1
    running["now"] += 1
    running["most"] = max(running["most"], running["now"])
    await asyncio.sleep(0.01)
    running["now"] -= 1
    return value


@app.activity_trigger(input_name="seconds")
async def clocked(seconds: float) -> float:
    await clocks[-1].sleep(seconds)
    return seconds


@app.orchestration_trigger(context_name="context")
def by_the_clock(context: df.DurableOrchestrationContext):
    results = yield context.task_all([context.call_activity("clocked", n % 3) for n in range(9)])
    yield context.call_sub_orchestrator("steps")
    return results


@app.activity_trigger(input_name="value")
async def gated(value: int) -> int:
    running["begun"] += 1
    await gate.wait()
    return value


@app.orchestration_trigger(context_name="context")
def many(context: df.DurableOrchestrationContext):
    results = yield context.task_all([context.call_activity("counted", n) for n in range(8)])
    return sum(results)


@app.orchestration_trigger(context_name="context")
def steps(context: df.DurableOrchestrationContext):
    found = []
    for number in range(4):
        found.append((yield context.call_activity("gated", number)))  # noqa: PERF401  (a yield cannot go in there)
    return found


@app.orchestration_trigger(context_name="context")
def listener(context: df.DurableOrchestrationContext):
    total = 0
    for _ in range(30):
        total += yield context.wait_for_external_event("X")
    return total


@pytest.fixture(autouse=True)
def _reset() -> None:
    running.update(now=0, most=0, begun=0)
    gate.clear()


async def test_c92_activity_cut_off_by_a_stop_runs_again(tmp_path: Path) -> None:
    async with Host(app, state=tmp_path, grace_seconds=0.05) as host:
        await host.operations.start("steps", "one")
        await host.run_until(lambda: running["begun"] == 1)
    gate.set()
    async with Host(app, state=tmp_path) as host:
        status = await host.wait_for("one")
    assert status["output"] == [0, 1, 2, 3]
    assert running["begun"] == 5


def test_c92_activity_killed_with_the_host_runs_again(tmp_path: Path) -> None:
    host = Process(APPS / "basics", tmp_path / "state")
    marks = tmp_path / "marks"
    host.start("marked", "one", {"path": str(marks), "seconds": 0.5})
    _wait_for(marks, 1)
    host.kill()
    host = Process(APPS / "basics", tmp_path / "state")
    try:
        assert host.wait("one")["output"] == "ended"
    finally:
        host.stop()
    assert marks.read_text().count("\n") == 2


def _wait_for(path: Path, lines: int) -> None:
    import time

    until = time.monotonic() + 10
    while not path.exists() or path.read_text().count("\n") < lines:
        assert time.monotonic() < until, f"{path} did not get {lines} lines"
        time.sleep(0.01)


async def test_c93_restart_between_episodes_reaches_the_same_point(tmp_path: Path) -> None:
    gate.set()
    histories = []
    for cuts in (0, 1):
        folder = tmp_path / str(cuts)
        async with Host(app, clock=ManualClock(), state=folder) as host:
            await host.operations.start("steps", "one")
            if cuts:
                await host.run_until(lambda: running["begun"] >= 2)
            else:
                await host.wait_for("one")
        async with Host(app, clock=ManualClock(), state=folder) as host:
            status = await host.wait_for("one")
            histories.append(host.store.history("one"))
        running["begun"] = 0
        assert status["output"] == [0, 1, 2, 3]
    assert _numbers(histories[0]) == _numbers(histories[1])


def _numbers(history: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    return [(one["EventType"], one.get("TaskScheduledId", one["EventId"])) for one in history]


async def test_c94_no_more_activities_run_at_once_than_the_limit() -> None:
    async with Host(app, settings=HostSettings(max_concurrent_activities=2)) as host:
        status = await host.wait_for(await host.operations.start("many"))
    assert status["output"] == 28
    assert running["most"] == 2


async def test_c95_c96_episodes_never_overlap_and_waiting_instances_hold_nothing() -> None:
    inside: list[str] = []

    def replay(handle: Any, instance: Instance) -> Reply:
        assert not inside
        inside.append(instance.instance_id)
        reply = replay_parsed(handle, instance)
        inside.remove(instance.instance_id)
        return reply

    async with Host(app, clock=ManualClock()) as host:
        host.engine.episodes.replay = replay
        for name in ("one", "two"):
            await host.operations.start("listener", name)
        sends = [host.operations.raise_event(name, "X", str(value)) for value in range(30) for name in ("one", "two")]
        await asyncio.gather(*sends)
        for name in ("one", "two"):
            assert (await host.wait_for(name))["output"] == sum(range(30))


async def test_same_manual_run_gives_the_same_state_twice(tmp_path: Path) -> None:
    gate.set()
    found = []
    for run in "ab":
        clocks.append(ManualClock())
        async with Host(app, clock=clocks[-1], state=tmp_path / run) as host:
            for _ in range(2):
                await host.operations.start("by_the_clock")
            await host.run_until(lambda: not host.engine.live)
            rows = host.store.rows("SELECT * FROM instances ORDER BY id")
            found.append(json.dumps([rows, [host.store.history(row["id"]) for row in rows]]))
    assert found[0] == found[1]


def test_held_state_file_is_refused_with_the_holder(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    with pytest.raises(StateError, match=r"held by process \d+ since 20"):
        Store.open(tmp_path)
    first.close()
    Store.open(tmp_path).close()


async def test_state_that_cannot_be_written_stops_the_host(tmp_path: Path) -> None:
    host = Host(app, clock=ManualClock(), state=tmp_path)
    await host.start()
    host.store.connection.execute("DROP TABLE history")
    host.engine.create("many", "one", None, None)
    assert host.broken is not None
    with pytest.raises(Exception, match="no such table: history"):
        await asyncio.wait_for(host.broken, 5)
    await host.stop()


async def test_waiting_callers_are_told_when_the_host_breaks(tmp_path: Path) -> None:
    host = Host(app, clock=ManualClock(), state=tmp_path)
    await host.start()
    host.store.connection.execute("DROP TABLE history")
    with pytest.raises(Exception, match="no such table: history"):
        await asyncio.wait_for(host.operations.start("many"), 5)
    with pytest.raises(DevhostError, match="the host has stopped"):
        await host.run_until(timedelta(hours=1))
    await host.stop()


async def test_long_pause_is_survived_by_an_idle_host() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.run_until(timedelta(days=365))
        assert host.lane.is_idle


@app.activity_trigger(input_name="value")
async def quick(value: int) -> int:
    await asyncio.sleep(0.001 * (value % 7))
    return value


@app.orchestration_trigger(context_name="context")
def wide(context: df.DurableOrchestrationContext):
    results = yield context.task_all([context.call_activity("quick", n) for n in range(600)])
    last = yield context.call_activity("quick", 1)
    return sum(results) + last


async def test_wide_fan_out_gathers_results_and_loses_none() -> None:
    async with Host(app, settings=HostSettings(max_concurrent_activities=20)) as host:
        status = await host.wait_for(await host.client.start_new("wide", "one"))
        kinds = [event["EventType"] for event in host.store.history("one")]
    assert status["output"] == sum(range(600)) + 1
    assert kinds.count(5) == 601
    # A replay for each end, or for each twenty that run at once, would be many more episodes than this.
    assert kinds.count(12) < 60
