"""One execution: it handles what waits, and takes nothing once the schedule is stopped or the fence is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ebb.core.errors import SourceUnavailableError
from ebb.core.row.schedule_row import Intent
from ebb.sources.memory.source import MemorySource
from tests.unit.control.cycle_world import World


async def test_execution_handles_what_waits_and_reports_it(world: World) -> None:
    world.put(4)
    document = await world.execute(await world.open())
    assert (document["outcome"], document["processed"], document["error"]) == ("succeeded", 4, None)
    assert world.broker.create("work").messages == {}


@pytest.mark.parametrize("where", ["receive", "open"])
async def test_execution_reports_an_error_in_a_length_that_a_thousand_of_them_may_have(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    opening = await world.open()
    fault = SourceUnavailableError("no answer " * 3000)
    if where == "receive":
        world.broker.create("work").fault = fault
    else:

        def away(*_: object, **__: object) -> MemorySource:
            raise fault

        monkeypatch.setattr(world.services, "open_source", away)
    document = await world.execute(opening)
    assert document["outcome"] == "failed"
    assert len(document["error"]) == 500
    assert document["error"].startswith("no answer no answer")


async def test_execution_of_a_stopped_schedule_takes_nothing(world: World) -> None:
    world.put(4)
    opening = await world.open()
    await world.intend(Intent.STOPPED)
    assert (await world.execute(opening))["outcome"] == "stopped"
    assert len(world.broker.create("work").messages) == 4


async def test_execution_without_the_fence_takes_nothing(world: World) -> None:
    world.put(4)
    opening = await world.open()
    assert (await world.execute(opening, owner="hub/ebb-job/0"))["outcome"] == "fenceLost"
    assert len(world.broker.create("work").messages) == 4


async def test_execution_that_begins_late_renews_the_lease_first(world: World) -> None:
    world.put(1)
    opening = await world.open()
    world.later(90)
    await world.execute(opening)
    assert (await world.row()).working_until == world.clock.now() + timedelta(seconds=130)
