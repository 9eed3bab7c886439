"""Conformance 25 to 33: task numbers, compounds and retries."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.clock import Clock
from devhost.episode import Replay
from devhost.instance import Instance, OpenWork
from devhost.replay import replay_live, replay_parsed

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
clock: Clock = ManualClock()
plans: dict[str, list[bool]] = {}


@app.activity_trigger(input_name="given")
async def wait_and_give(given: dict) -> Any:
    await clock.sleep(given["seconds"])
    return given["value"]


@app.activity_trigger(input_name="key")
async def by_plan(key: str) -> str:
    """Succeed or fail as the plan of `key` says, attempt by attempt."""
    if not plans[key].pop(0):
        raise ValueError(f"{key} fails, {len(plans[key])} left")
    return key


@app.activity_trigger(input_name="value")
async def echo(value: Any) -> Any:
    return value


@app.orchestration_trigger(context_name="context")
def ordered(context: df.DurableOrchestrationContext):
    delays = [5, 1, 3, 2, 4]
    tasks = [context.call_activity("wait_and_give", {"seconds": s, "value": i}) for i, s in enumerate(delays)]
    return (yield context.task_all(tasks))


@app.orchestration_trigger(context_name="context")
def event_or_timer(context: df.DurableOrchestrationContext):
    event = context.wait_for_external_event("X")
    timer = context.create_timer(context.current_utc_datetime.replace(year=2030))
    winner = yield context.task_any([event, timer])
    timer.cancel()
    return winner is event and event.result == "1"


@app.orchestration_trigger(context_name="context")
def nested(context: df.DurableOrchestrationContext):
    a, b, c = (context.call_activity("wait_and_give", {"seconds": s, "value": s}) for s in (1, 2, 3))
    yield context.task_any([context.task_all([a, b]), c])
    return "done"


@app.orchestration_trigger(context_name="context")
def waits_between(context: df.DurableOrchestrationContext):
    yield context.call_activity("echo", 0)
    yield context.wait_for_external_event("X")
    yield context.call_activity("echo", 1)
    return "done"


@app.orchestration_trigger(context_name="context")
def retried(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=5000, max_number_of_attempts=3)
    try:
        found = yield context.call_activity_with_retry("by_plan", options, context.instance_id)
    except Exception as error:  # noqa: BLE001  (the SDK raises plain Exception)
        found = str(error)[:60]
    yield context.call_activity("echo", "next")
    return found


@app.orchestration_trigger(context_name="context")
def mixes_up(context: df.DurableOrchestrationContext):
    """Begin one activity beside another that waits, while a third one is between two attempts."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)
    retried = context.call_activity_with_retry("by_plan", options, f"{context.instance_id}-a")
    begun = context.current_utc_datetime
    soon = context.create_timer(begun + timedelta(milliseconds=500))
    yield context.task_any([retried, soon, context.call_activity("echo", 1)])
    yield context.task_any([soon, context.create_timer(begun + timedelta(hours=1))])
    yield context.call_activity("echo", 2)


@app.orchestration_trigger(context_name="context")
def begins_after_a_lost_retry(context: df.DurableOrchestrationContext):
    """Let a task with retries lose against another, and begin something after it."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)
    retried = context.call_activity_with_retry("by_plan", options, f"{context.instance_id}-a")
    yield context.task_any([context.call_activity("echo", 1), retried])
    yield retried
    yield context.call_activity("echo", 2)


@app.orchestration_trigger(context_name="context")
def crowd(context: df.DurableOrchestrationContext):
    """Two retry groups and three plain activities, waited for as they end; to begin more beside them is a fault."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)
    name = context.instance_id
    first = context.call_activity_with_retry("by_plan", options, f"{name}-a")
    second = context.call_activity_with_retry("by_plan", options, f"{name}-b")
    plain = [context.call_activity("echo", f"{name}-{n}") for n in range(3)]
    waiting = [first, second, *plain]
    found: dict[str, str] = {}
    while waiting:
        winner = yield context.task_any(waiting)
        waiting.remove(winner)
        if isinstance(winner.result, Exception):
            found[f"failed {len(found)}"] = str(winner.result).split(" \n")[0]
        else:
            found[winner.result] = "ok"
    return sorted(found.items())


@app.orchestration_trigger(context_name="context")
def empty_all(context: df.DurableOrchestrationContext):
    nothing = yield context.task_all([])
    later = yield context.call_activity("echo", "later")
    return [nothing, later]


@app.orchestration_trigger(context_name="context")
def built_too_early(context: df.DurableOrchestrationContext):
    a, b = context.call_activity("echo", "a"), context.call_activity("by_plan", "b")
    both = context.task_all([a, b])
    yield a
    yield both


async def _history(host: Host, instance_id: str) -> list[dict[str, Any]]:
    return host.store.history(instance_id)


def _numbers(history: list[dict[str, Any]], kind: int) -> list[int]:
    return [event["EventId"] for event in history if event["EventType"] == kind]


@pytest.fixture
def manual() -> ManualClock:
    global clock
    clock = ManualClock()
    return clock


async def test_c25_task_all_gives_results_in_call_order(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("ordered"))
    assert status["output"] == [0, 1, 2, 3, 4]


async def test_c26_event_that_comes_first_wins_task_any(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.operations.start("event_or_timer", "one")
        await host.client.raise_event("one", "X", 1)
        status = await host.wait_for("one")
    assert status["output"] is True


async def test_c27_nested_compounds_are_numbered_depth_first(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.wait_for(await host.operations.start("nested", "one"))
        history = await _history(host, "one")
    assert _numbers(history, 4) == [0, 1, 2]


async def test_c28_waits_take_no_number(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        await host.operations.start("waits_between", "one")
        await host.operations.raise_event("one", "X", "1")
        await host.wait_for("one")
        history = await _history(host, "one")
    assert _numbers(history, 4) == [0, 1]


async def test_c29_three_failing_attempts_take_six_numbers(manual: ManualClock) -> None:
    plans["three"] = [False, False, False]
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("retried", "three"))
        history = await _history(host, "three")
    assert status["output"].startswith("Activity function 'by_plan' failed:  ValueError: three fails")
    assert _numbers(history, 4) == [0, 2, 4, 6]
    assert _numbers(history, 10) == [1, 3, 5]


async def test_c30_retry_that_succeeds_waits_its_interval_once(manual: ManualClock) -> None:
    plans["second"] = [False, True]
    begun = manual.now()
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("retried", "second"))
        history = await _history(host, "second")
    assert status["output"] == "second"
    assert [event["EventType"] for event in history].count(11) == 1
    assert (manual.now() - begun).total_seconds() == 5


@pytest.mark.parametrize("replay", [replay_parsed, replay_live])
async def test_c31_hundred_random_orders_of_retries_and_activities_give_the_right_results(
    replay: Replay, manual: ManualClock
) -> None:
    """Results arrive in random order and in random batches; each must go to the task that it belongs to."""
    choose = random.Random(20261122)
    async with Host(app, clock=manual) as host:
        worker = _Shuffled(host, choose)
        host.engine.episodes.replay = replay
        host.engine.workers["activity"] = worker
        for run in range(100):
            name = f"run{run}"
            for key in "ab":
                plans[f"{name}-{key}"] = [choose.random() < 0.4 for _ in range(3)]
            expected = _expected(name)
            status = await host.wait_for(await host.operations.start("crowd", name))
            assert status["runtimeStatus"] == "Completed", status["output"]
            found = {key for key, value in status["output"] if value == "ok"}
            failed = sorted(value.split("ValueError: ")[1] for _, value in status["output"] if value != "ok")
            assert (found, failed) == expected, run
    assert worker.largest_batch > 1


def _expected(name: str) -> tuple[set[str], list[str]]:
    found = {f"{name}-{n}" for n in range(3)}
    failed = []
    for key in (f"{name}-a", f"{name}-b"):
        if any(plans[key]):
            found.add(key)
        else:
            failed.append(f"{key} fails, 0 left")
    return found, sorted(failed)


class _Shuffled:
    """Holds activities back and lets a random few of them end in one turn, in random order."""

    def __init__(self, host: Host, choose: random.Random) -> None:
        self._worker, self._host, self._choose = host.engine.workers["activity"], host, choose
        self._held: list[tuple[Instance, OpenWork]] = []
        self.largest_batch = 0

    def begin(self, instance: Instance, work: OpenWork) -> None:
        if not self._held:
            self._host.clock.call_at(self._host.clock.now(), self._let_go)
        self._held.append((instance, work))

    def _let_go(self) -> None:
        self._choose.shuffle(self._held)
        count = self._choose.randint(1, len(self._held))
        batch, self._held = self._held[:count], self._held[count:]
        self.largest_batch = max(self.largest_batch, count)
        for instance, work in batch:
            self._worker.begin(instance, work)
        if self._held:
            self._host.clock.call_at(self._host.clock.now(), self._let_go)


async def test_c31_work_begun_beside_open_retries_fails_by_name(manual: ManualClock) -> None:
    plans["mixed-a"] = [False, True]
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("mixes_up", "mixed"))
    assert status["runtimeStatus"] == "Failed"
    assert "the extension begins 'echo' only when" in status["output"]
    assert "a retry takes its number" in status["output"]


async def test_c31_work_begun_after_a_retry_that_lost_fails_as_in_azure(manual: ManualClock) -> None:
    plans["lost-a"] = [False, True]
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("begins_after_a_lost_retry", "lost"))
    assert status["output"].startswith(
        "Non-Deterministic workflow detected: A previous execution of this orchestration scheduled a timer task with "
        "sequence number 2 named but the current orchestration replay instead produced a ScheduleTaskOrchestratorAction"
    )


async def test_c32_empty_task_all_goes_on_with_none(manual: ManualClock) -> None:
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("empty_all"))
    assert status["output"] == [None, "later"]


async def test_c33_compound_built_before_its_task_was_yielded_fails_by_name(manual: ManualClock) -> None:
    plans["b"] = [True]
    async with Host(app, clock=manual) as host:
        status = await host.wait_for(await host.operations.start("built_too_early"))
    assert status["runtimeStatus"] == "Failed"
    assert "'echo' was put into task_all or task_any before it was yielded alone" in status["output"]
