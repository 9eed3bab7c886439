"""Random orchestrations of every kind of task: each result must reach the task that it belongs to.

Results arrive in many orders and in batches, because the delays are whole seconds of a manual clock. `DEVHOST_PROGRAMS`
sets how many programs run.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from devhost import Host, ManualClock
from devhost.episode import Replay
from devhost.instance import Instance
from devhost.replay import Reply, replay_json, replay_live, replay_parsed
from devhost.status import Show

PROGRAMS = int(os.environ.get("DEVHOST_PROGRAMS", "40"))
KINDS = ["activity", "retry", "child", "child with retry", "timer", "entity", "event"]

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
clock = ManualClock()
attempts: Counter[str] = Counter()
OPTIONS = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)


@app.activity_trigger(input_name="plan")
async def give(plan: dict) -> str:
    """Fail as often as planned, then give the key, each time after the planned delay."""
    await clock.sleep(plan["seconds"])
    attempts[plan["key"]] += 1
    if attempts[plan["key"]] <= plan["failures"]:
        raise ValueError(f"{plan['key']} fails")
    return plan["key"]


@app.orchestration_trigger(context_name="context")
def kid(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("give", context.get_input()))


@app.entity_trigger(context_name="context")
def mirror(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_input())
    context.set_result(context.get_input())


@app.orchestration_trigger(context_name="context")
def program(context: df.DurableOrchestrationContext):
    """Begin random tasks, wait for any of them, check its result, begin more.

    A program with retries begins all at once: what is begun later would, in Azure, take numbers of the retries.
    """
    choose = random.Random(context.get_input())
    kinds = [one for one in KINDS if "retry" not in one] if int(context.get_input()) % 2 else KINDS
    total, made = choose.randint(5, 14), 0
    waiting: list[tuple[Any, str | None]] = []
    wrong: list[str] = []
    while made < total or waiting:
        for _ in range(total if kinds is KINDS else choose.randint(0 if waiting else 1, 3)):
            if made < total:
                waiting.append(_begin(context, choose, kinds, f"{context.instance_id}-{made}"))
                made += 1
        if kinds is not KINDS and choose.random() < 0.2:
            context.signal_entity(df.EntityId("mirror", "signalled"), "set", made)
        if not waiting:
            continue
        winner = yield context.task_any([task for task, _ in waiting])
        expected = next(wanted for task, wanted in waiting if task is winner)
        waiting = [pair for pair in waiting if pair[0] is not winner]
        found = winner.result
        if isinstance(found, Exception):
            found = f"{expected}" if str(expected) in str(found) and str(expected).endswith("fails") else str(found)
        if found != expected:
            wrong.append(f"expected {expected}, found {found}")
    return wrong


def _begin(
    context: df.DurableOrchestrationContext, choose: random.Random, kinds: list[str], key: str
) -> tuple[Any, str | None]:
    kind, seconds = choose.choice(kinds), choose.randint(0, 3)
    failures = choose.choice([0, 0, 1, 2, 3]) if "retry" in kind else 0
    plan = {"key": key, "seconds": seconds, "failures": failures}
    outcome = key if failures < 3 else f"{key} fails"
    match kind:
        case "activity":
            return context.call_activity("give", plan), outcome
        case "retry":
            return context.call_activity_with_retry("give", OPTIONS, plan), outcome
        case "child":
            return context.call_sub_orchestrator("kid", plan), outcome
        case "child with retry":
            return context.call_sub_orchestrator_with_retry("kid", OPTIONS, plan), outcome
        case "timer":
            return context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds)), None
        case "entity":
            return context.call_entity(df.EntityId("mirror", key), "set", key), key
    return context.wait_for_external_event(key), key


def _checked(handle: Any, instance: Instance) -> Reply:
    """Replay in both plain ways and compare."""
    reply = replay_parsed(handle, instance)
    assert reply == replay_json(handle, instance)
    return reply


@pytest.mark.parametrize("replay", [_checked, replay_live])
async def test_random_programs_get_each_result_where_it_belongs(replay: Replay) -> None:
    global clock
    attempts.clear()
    clock = ManualClock()
    async with Host(app, clock=clock) as host:
        host.engine.episodes.replay = replay
        for seed in range(PROGRAMS):
            await host.operations.start("program", f"p{seed}", f'"{seed}"')
        await _raise_wanted_events(host)
        for seed in range(PROGRAMS):
            status = host.operations.status(f"p{seed}", Show())
            assert (status["runtimeStatus"], status["output"]) == ("Completed", []), f"program {seed}"


async def _raise_wanted_events(host: Host) -> None:
    """Raise each event after its wait was seen, until all programs have ended."""
    raised: set[str] = set()
    while host.engine.live:
        for instance in list(host.engine.live.values()):
            for name in [one for one in instance.waits if one not in raised]:
                raised.add(name)
                await host.operations.raise_event(instance.instance_id, name, f'"{name}"')
        await host.run_until(timedelta(seconds=1))


async def test_random_programs_survive_restarts(tmp_path: Path) -> None:
    global clock
    attempts.clear()
    clock = ManualClock()
    names = [f"r{seed}" for seed in range(10)]
    async with Host(app, clock=clock, state=tmp_path) as host:
        for seed, name in enumerate(names):
            await host.operations.start("program", name, f'"{seed}"')
    raised: set[str] = set()
    for _ in range(60):
        async with Host(app, clock=clock, state=tmp_path) as host:
            for instance in list(host.engine.live.values()):
                for event in [one for one in instance.waits if one not in raised]:
                    raised.add(event)
                    await host.operations.raise_event(instance.instance_id, event, f'"{event}"')
            await host.run_until(timedelta(seconds=4.5))
            if not host.engine.live:
                break
    async with Host(app, clock=clock, state=tmp_path) as host:
        for name in names:
            status = host.operations.status(name, Show())
            assert (status["runtimeStatus"], status["output"]) == ("Completed", []), name
