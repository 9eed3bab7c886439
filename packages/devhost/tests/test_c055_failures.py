"""Conformance 55 to 61: failures of activities, orchestrators and sub-orchestrations."""

from __future__ import annotations

import asyncio
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.clock import Clock

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
clock: Clock = ManualClock()


@app.activity_trigger(input_name="text")
async def fail(text: str) -> None:
    raise ValueError(text)


@app.activity_trigger(input_name="seconds")
async def late(seconds: float) -> str:
    await clock.sleep(seconds)
    return "late"


@app.orchestration_trigger(context_name="context")
def catches(context: df.DurableOrchestrationContext):
    try:
        yield context.call_activity("fail", "boom")
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)


@app.orchestration_trigger(context_name="context")
def lets_through(context: df.DurableOrchestrationContext):
    yield context.call_activity("fail", "boom")


@app.orchestration_trigger(context_name="context")
def calls_unknown(context: df.DurableOrchestrationContext):
    yield context.call_activity("nobody", 1)


@app.orchestration_trigger(context_name="context")
def yields_int(context: df.DurableOrchestrationContext):
    yield 5


@app.orchestration_trigger(context_name="context")
def yields_none(context: df.DurableOrchestrationContext):
    yield None


@app.orchestration_trigger(context_name="context")
def fails_fast(context: df.DurableOrchestrationContext):
    caught = 0
    tasks = [context.call_activity("fail", "one"), context.call_activity("late", 5), context.call_activity("late", 6)]
    try:
        yield context.task_all(tasks)
    except Exception:  # noqa: BLE001  (the SDK raises plain Exception)
        caught += 1
    return [caught, [(yield tasks[1]), (yield tasks[2])]]


@app.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext):
    given = context.get_input()
    if given == "fail":
        raise ValueError("child boom")
    if given == "wait":
        yield context.wait_for_external_event("never")
    return {"id": context.instance_id, "parent": context.parent_instance_id}
    yield


@app.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext):
    given = context.get_input() or {}
    try:
        first = yield context.call_sub_orchestrator("child", given.get("mode"), given.get("id"))
        second = yield context.call_activity("late", 1)
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)
    return [first, second]


@app.orchestration_trigger(context_name="context")
def parent_with_retry(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=2)
    try:
        yield context.call_sub_orchestrator_with_retry("child", options, "fail")
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error)


@pytest.fixture(autouse=True)
def manual() -> ManualClock:
    global clock
    clock = ManualClock()
    return clock


async def _run(name: str, manual: ManualClock, given: Any = None) -> dict[str, Any]:
    async with Host(app, clock=manual) as host:
        await host.client.start_new(name, "one", given)
        return await host.wait_for("one")


async def test_c55_failed_activity_is_told_in_the_words_of_the_extension(manual: ManualClock) -> None:
    status = await _run("catches", manual)
    assert status["output"].startswith("Activity function 'fail' failed:  ValueError: boom")
    assert "Traceback" in status["output"]


async def test_c56_uncaught_failure_fails_the_orchestration(manual: ManualClock) -> None:
    status = await _run("lets_through", manual)
    assert status["runtimeStatus"] == "Failed"
    assert status["output"].startswith("Orchestrator function 'lets_through' failed: Activity function 'fail' failed:")


async def test_c57_call_of_unknown_activity_names_the_known_ones(manual: ManualClock) -> None:
    status = await _run("calls_unknown", manual)
    assert status["runtimeStatus"] == "Failed"
    assert "The function 'nobody' doesn't exist, is disabled, or is not an activity function." in status["output"]
    assert (
        "The following are the known activity functions: 'fail', 'late', 'gives_up', 'exits_in_a_thread'."
        in status["output"]
    )


@pytest.mark.parametrize(("name", "shown"), [("yields_int", "5"), ("yields_none", "None")])
async def test_c58_yield_of_something_else_fails_with_its_line(name: str, shown: str, manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new(name, "one")
        status = await host.wait_for("one")
        assert status["runtimeStatus"] == "Failed"
        assert f"yielded {shown} at line" in status["output"]
        assert "test_c055_failures.py" in status["output"]
        assert (await host.wait_for(await host.client.start_new("catches")))["runtimeStatus"] == "Completed"


async def test_c59_task_all_fails_once_and_late_results_are_harmless(manual: ManualClock) -> None:
    status = await _run("fails_fast", manual)
    assert status["output"] == [1, ["late", "late"]]


async def test_c60_failed_child_is_told_to_its_parent(manual: ManualClock) -> None:
    status = await _run("parent", manual, {"mode": "fail"})
    assert status["output"].startswith("Orchestrator function 'child' failed: child boom")


async def test_c60_terminated_child_is_told_to_its_parent(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("parent", "one", {"mode": "wait", "id": "kid"})
        await host.run_until(lambda: "kid" in host.engine.live)
        await host.client.terminate("kid", "no longer needed")
        status = await host.wait_for("one")
    assert status["output"].startswith("no longer needed")


async def test_c60_child_with_retries_is_run_again(manual: ManualClock) -> None:
    begun = manual.now()
    status = await _run("parent_with_retry", manual)
    assert status["output"].startswith("Orchestrator function 'child' failed: child boom")
    assert (manual.now() - begun).total_seconds() == 1


async def test_c61_child_without_id_gets_one_that_replays_agree_on(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        execution = host.engine.create("parent", "one", None, None).execution_id
        status = await host.wait_for("one")
    assert status["output"] == [{"id": f"{execution}:0", "parent": "one"}, "late"]


async def test_child_with_the_id_of_its_parent_is_refused(manual: ManualClock) -> None:
    status = await _run("parent", manual, {"id": "one"})
    assert status["runtimeStatus"] == "Failed"
    assert "cannot have its parent's ID" in status["output"]


async def test_child_with_the_id_of_a_running_instance_fails_the_call(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.client.start_new("child", "busy", "wait")
        await host.client.start_new("parent", "one", {"id": "busy"})
        status = await host.wait_for("one")
    assert "'busy' already exists" in status["output"]


@app.activity_trigger(input_name="how")
async def gives_up(how: str) -> None:
    """End in ways that are not an ordinary exception."""
    if how == "exit":
        raise SystemExit(3)
    inner = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    inner.cancel()
    await inner


@app.activity_trigger(input_name="how")
def exits_in_a_thread(how: str) -> None:
    raise SystemExit(4)


@app.orchestration_trigger(context_name="context")
def calls_what_gives_up(context: df.DurableOrchestrationContext):
    given = context.get_input()
    try:
        yield context.call_activity(given["activity"], given["how"])
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        return str(error).split(" \n")[0]


@app.orchestration_trigger(context_name="context")
def exits(context: df.DurableOrchestrationContext):
    yield context.call_activity("late", 0)
    raise SystemExit("that was all")


@pytest.mark.parametrize(
    ("activity", "how", "told"),
    [
        ("gives_up", "exit", "SystemExit: 3"),
        ("gives_up", "cancel", "CancelledError: "),
        ("exits_in_a_thread", "", "SystemExit: 4"),
    ],
)
async def test_activity_that_exits_or_is_cancelled_from_inside_fails_alone(
    activity: str, how: str, told: str, manual: ManualClock
) -> None:
    status = await _run("calls_what_gives_up", manual, {"activity": activity, "how": how})
    assert status["output"] == f"Activity function '{activity}' failed:  {told}"


async def test_orchestrator_that_exits_fails_alone(manual: ManualClock) -> None:
    status = await _run("exits", manual)
    assert status["runtimeStatus"] == "Failed"
    lead = "One or more errors occurred. (Result: Failure\nException: SystemExit: that was all\nStack: Traceback"
    assert status["output"].startswith(f"Orchestrator function 'exits' failed: {lead}")
