"""Lanes keep their promise when the instances that act for the schedule die and others take over."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ebb.control.opening import open_cycle
from ebb.core.cycle import CycleState, Verdict
from ebb.core.planning.lanes import KEPT_EVERY
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedules import Schedules
from ebb.services import Services
from ebb.sources.memory.source import MemoryBroker, MemorySource
from ebb.store.memory import MemoryStore
from tests.clocks import SteppedClock

LANES = ("urgent", "mails", "bulk")
SETTINGS = {
    "sources": [{"type": "memory", "queueName": name} for name in LANES],
    "lanes": "strict",
    "maxExecutions": 2,
    "handler": "handlers.noop:handle",
}


@pytest.mark.parametrize("seed", range(6))
async def test_no_lane_starves_although_instances_die_at_work(seed: int) -> None:
    chance, clock, store = random.Random(seed), SteppedClock(), MemoryStore()
    broker = MemoryBroker(clock)
    services = Services(
        Schedules({"job": SETTINGS}),
        store,
        clock=clock,
        environment={},
        open_source=lambda settings, *_, **__: MemorySource(broker, settings.all_sources[0].label()),
    )
    for name in LANES:
        for _ in range(20):
            broker.put(name, "")
    await store.save(ScheduleRow("job", Intent.RUNNING))
    without, deaths, state = dict.fromkeys(range(3), 0), 0, CycleState("job", "hub", "hub/ebb-job/0")
    for _ in range(60):
        opening = await open_cycle(services, state)
        assert opening.verdict is Verdict.GO
        assert len(opening.shares) == 2
        for lane in without:
            without[lane] = 0 if lane in opening.shares else without[lane] + 1
        assert max(without.values()) < KEPT_EVERY * (len(LANES) - 1)
        if chance.random() < 0.5:  # it dies, and another one is started once its lease is over
            deaths += 1
            clock.step(3600)
            state = CycleState("job", "hub", f"hub/ebb-job/{deaths}")
        else:
            assert opening.cycle is not None
            state = replace(state.opened(opening), cycle=opening.cycle + 1)
            clock.step(30)
    assert 15 < deaths < 45
