"""Instances that an earlier version of the app started go on under this one: history, row and payloads are a format."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest

from ebb.control.closing import close
from ebb.control.opening import open_cycle
from ebb.core.cycle import CycleState, Verdict
from ebb.core.names import CLOSE_CYCLE, PROCESS_BACKLOG
from orchestrators import eternal
from tests.replay.driver import Orchestration
from tests.unit.control.cycle_world import World

RECORDED = Path(__file__).parents[1] / "data" / "running-instances"
HANDLE = df.Orchestrator.create(eternal.eternal_scheduler)


def recording(version: str) -> dict[str, Any]:
    """What that version left: the instance's history, its row, and the answer of an execution."""
    return json.loads((RECORDED / f"{version}.json").read_text())


def instance(recorded: dict[str, Any]) -> Orchestration:
    """The instance as the earlier version left it in the middle of a cycle, to be replayed by this one."""
    run = Orchestration(HANDLE, "eternal_scheduler", "ebb-job", json.loads(recorded["input"]))
    run._history, run.scheduled, run._seen = recorded["history"], recorded["scheduled"], recorded["seen"]
    run.now = datetime.fromisoformat(recorded["now"])
    return run


@pytest.mark.parametrize("version", sorted(path.stem for path in RECORDED.glob("*.json")))
async def test_cycle_that_an_earlier_version_began_is_finished_counted_and_followed(version: str) -> None:
    recorded = recording(version)
    run, world = instance(recorded), World()
    world.store._rows["job"] = recorded["row"], "v1"
    numbers = run.activities(PROCESS_BACKLOG)
    for number in numbers:
        run.complete(number, {**recorded["execution"], "index": run.input_of(number)["index"]})
    (closing,) = run.activities(CLOSE_CYCLE)
    ending = await close(world.services, run.input_of(closing))
    assert not ending.fence_lost
    row = await world.row()
    assert row.totals.processed == len(numbers) * recorded["execution"]["processed"] > 0
    assert (row.closed_cycle, row.unclosed) == (1, ())
    run.complete(closing, ending.to_json())
    if run.timers():
        run.fire()
    world.put(3)
    following = await open_cycle(world.services, CycleState.from_json(run.next_input, "ebb-job"))
    assert (following.verdict, following.cycle, following.decision.executions) == (Verdict.GO, 2, 1)
