"""Conformance 49 to 54: continue-as-new."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func
import psutil

from devhost import Host, ManualClock
from devhost.clock import Clock
from devhost.status import Show

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
clock: Clock = ManualClock()


@app.activity_trigger(input_name="number")
async def increment(number: int) -> int:
    return number + 1


@app.activity_trigger(input_name="seconds")
async def slow(seconds: float) -> str:
    await clock.sleep(seconds)
    return "slow"


@app.orchestration_trigger(context_name="context")
def count(context: df.DurableOrchestrationContext):
    state = context.get_input()
    number = yield context.call_activity("increment", state["n"])
    if number == state["to"]:
        yield context.wait_for_external_event("end")
        return number
    context.continue_as_new({"n": number, "to": state["to"]})
    return 5


@app.orchestration_trigger(context_name="context")
def raise_after(context: df.DurableOrchestrationContext):
    context.continue_as_new({"again": True})
    raise ValueError("after")
    yield


@app.orchestration_trigger(context_name="context")
def leave_timer(context: df.DurableOrchestrationContext):
    if context.get_input() == "second":
        return context.current_utc_datetime.isoformat()
    if context.get_input() == "second, with event":
        return (yield context.wait_for_external_event("kept"))
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("go")
    yield context.task_any([timer, event])
    context.continue_as_new(event.result)
    return None


@app.orchestration_trigger(context_name="context")
def leave_activity(context: df.DurableOrchestrationContext):
    if context.get_input() == "second":
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
        return "second generation"
    lazy = context.call_activity("slow", 30)
    event = context.wait_for_external_event("go")
    yield context.task_any([lazy, event])
    context.continue_as_new("second")
    return None


def _start(n: int, to: int) -> str:
    return json.dumps({"n": n, "to": to})


async def test_c49_continue_as_new_keeps_id_and_renews_execution() -> None:
    manual = ManualClock()
    async with Host(app, clock=manual) as host:
        first = host.engine.create("count", "one", _start(0, 2), None)
        execution, created = first.execution_id, first.created
        await host.run_until(lambda: first.execution_id != execution and first.work == {})
        instance = host.engine.live["one"]
        assert instance.name == "count"
        assert instance.execution_id != execution
        assert [event["EventType"] for event in instance.history][:2] == [12, 0]
        assert instance.decisions[0].number == 0
        assert created <= instance.created


async def test_c50_return_value_after_continue_as_new_is_ignored() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("count", "one", _start(0, 3))
        await host.operations.raise_event("one", "end", "1")
        await host.run_until(lambda: host.engine.live["one"].work == {})
        await host.operations.raise_event("one", "end", "1")
        status = await host.wait_for("one")
    assert status["output"] == 3


async def test_c51_exception_after_continue_as_new_fails_the_instance() -> None:
    async with Host(app, clock=ManualClock()) as host:
        status = await host.wait_for(await host.operations.start("raise_after"))
    assert status["runtimeStatus"] == "Failed"
    assert status["output"] == "Orchestrator function 'raise_after' failed: after"


async def test_c52_late_result_of_the_old_generation_is_dropped() -> None:
    global clock
    clock = manual = ManualClock()
    async with Host(app, clock=manual) as host:
        await host.operations.start("leave_activity", "one")
        await host.operations.raise_event("one", "go", "1")
        status = await host.wait_for("one")
        history = host.store.history("one")
    assert status["output"] == "second generation"
    assert 5 not in [event["EventType"] for event in history]


async def test_c53_thousand_generations_leave_memory_and_file_flat(tmp_path: Path) -> None:
    process = psutil.Process()
    async with Host(app, clock=ManualClock(), state=tmp_path) as host:
        await _count_to(host, 200)
        memory, size = process.memory_info().rss, _size(tmp_path)
        await _count_to(host, 1000)
        assert len(host.store.history("one")) < 13
        assert _size(tmp_path) <= size + 64 * 1024
        assert process.memory_info().rss <= memory + 8 * 1024 * 1024


async def _count_to(host: Host, to: int) -> None:
    await host.operations.start("count", "one", _start(0, to))
    await host.run_until(lambda: not host.engine.live["one"].work and host.engine.live["one"].waits)
    await host.operations.raise_event("one", "end", "1")
    await host.wait_for("one")


def _size(folder: Path) -> int:
    return (folder / "state.db").stat().st_size


async def test_c54_timer_that_is_not_cancelled_holds_the_next_generation() -> None:
    manual = ManualClock()
    async with Host(app, clock=manual) as host:
        await host.operations.start("leave_timer", "one")
        await host.operations.raise_event("one", "go", '"second"')
        await host.run_until(timedelta(minutes=30))
        assert host.operations.status("one", Show())["runtimeStatus"] == "Running"
        status = await host.wait_for("one")
    assert status["output"] == "2026-01-01T01:00:00+00:00"


async def test_c54_event_that_comes_while_a_generation_ends_goes_to_the_next() -> None:
    async with Host(app, clock=ManualClock()) as host:
        await host.operations.start("leave_timer", "one")
        await host.operations.raise_event("one", "go", '"second, with event"')
        await host.run_until(timedelta(minutes=30))
        await host.operations.raise_event("one", "kept", '"for you"')
        status = await host.wait_for("one")
    assert status["output"] == "for you"


@app.orchestration_trigger(context_name="context")
def nudged(context: df.DurableOrchestrationContext):
    """Wait for a nudge or a timer after an activity, note it, go on; the sixth generation tells."""
    seen = context.get_input() or []
    yield context.call_activity("increment", 0)
    if len(seen) == 6:
        return seen
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    nudge = context.wait_for_external_event("nudge")
    yield context.task_any([timer, nudge])
    timer.cancel()
    context.continue_as_new([*seen, nudge.result])


async def test_an_event_beside_a_cancelled_timer_ends_two_generations_as_in_the_extension(tmp_path: Path) -> None:
    for number in range(3):
        async with Host(app, clock=ManualClock(), state=tmp_path) as host:  # what is carried outlives a restart
            if number == 0:
                await host.operations.start("nudged", "one")
            await host.run_until(timedelta(seconds=1))
            await host.operations.raise_event("one", "nudge", str(number))
            await host.run_until(timedelta(seconds=1))
            status = host.operations.status("one", Show())
    assert status["output"] == [0, 0, 1, 1, 2, 2]
