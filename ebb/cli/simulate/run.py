"""Runs one scenario: the real orchestrator and activities, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from devhost.clock import ManualClock
from ebb.cli.init.registered import registered
from ebb.cli.simulate.loop import Activity, Context, Orchestrator, advance, drive
from ebb.cli.simulate.recording import Backlogs, Recording
from ebb.cli.simulate.scenario import Scenario
from ebb.cli.simulate.warned import collecting
from ebb.cli.simulate.world import SCHEDULE, world_of
from ebb.core.contract.store import update
from ebb.core.cycle import CycleState
from ebb.core.names import CLOSE_CYCLE, ETERNAL_SCHEDULER, MEASURE_BACKLOG, PROCESS_BACKLOG, instance_id
from ebb.core.row.schedule_row import Intent

MOST_SAMPLES = 2000


def run_scenario(scenario: Scenario, told: Callable[[float], None] = lambda _: None) -> Recording:
    """Run `scenario` and return what was seen of it.

    Args:
        told: how many seconds of schedule are done, often.

    Raises:
        SimulationError: arrivals or service time cannot be read.
        SettingsError: the settings are refused.
    """
    return asyncio.run(run(scenario, told))


async def run(scenario: Scenario, told: Callable[[float], None] = lambda _: None) -> Recording:
    """As `run_scenario`, on the running event loop."""
    began = time.perf_counter()
    clock, recording, backlogs, services = world_of(scenario)
    _sample(clock, scenario, backlogs)
    await update(services.store, SCHEDULE, lambda row: replace(row, intent=Intent.RUNNING))
    first = CycleState(SCHEDULE, "sim").to_json()
    app = registered(services)
    context = Context(instance_id(SCHEDULE), first, _activities(app), clock)
    before = asyncio.all_tasks()
    loop = asyncio.create_task(drive(_orchestrator(app), context))
    try:
        end = scenario.start + timedelta(seconds=scenario.seconds)
        with collecting(recording, clock):
            await advance(clock, end, loop, lambda now: told((now - scenario.start).total_seconds()))
    finally:
        await _end(asyncio.all_tasks() - before)
    row = await services.store.get(SCHEDULE)
    recording.opened = row.cycle
    recording.ended = row.reason if row.intent is Intent.STOPPED else None
    recording.real_seconds = time.perf_counter() - began
    return recording


def _activities(app: Mapping[str, Any]) -> dict[str, Activity]:
    return {name: app[name].get_user_function() for name in (MEASURE_BACKLOG, PROCESS_BACKLOG, CLOSE_CYCLE)}


def _orchestrator(app: Mapping[str, Any]) -> Orchestrator:
    """The generator behind the function that the SDK makes of it, as its guide to unit tests finds it."""
    return app[ETERNAL_SCHEDULER].get_user_function().orchestrator_function


async def _end(others: set[asyncio.Task[Any]]) -> None:
    """End what is still at work when the time is over."""
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _sample(clock: ManualClock, scenario: Scenario, backlogs: Backlogs) -> None:
    """Look at the queues regularly, at most once in ten seconds."""
    pause = timedelta(seconds=max(scenario.seconds / MOST_SAMPLES, 10.0))

    def look() -> None:
        backlogs.sample()
        clock.call_at(clock.now() + pause, look)

    clock.call_at(scenario.start, look)
