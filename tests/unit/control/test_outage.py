"""Answers while the store is away: they are held back until it is there, for one that is given then may be lost."""

from __future__ import annotations

import asyncio

import pytest

from ebb.control.closing import close_cycle
from ebb.control.opening import measure_backlog
from ebb.core.contract.outage import HELD_BACK, TRY_EVERY, once_stored
from ebb.core.cycle import Ending, Opening
from ebb.core.errors import StoreError, StoreUnavailableError
from tests.clocks import SteppedClock, settle
from tests.unit.control.cycle_world import MINE
from tests.unit.control.test_faulty_store import Job


class Patient(Job):
    """A job on a clock that a test lets go on."""

    def __init__(self) -> None:
        super().__init__()
        self.stepped = self.services.clock = SteppedClock()


@pytest.fixture
async def job() -> Patient:
    made = Patient()
    await made.intend()
    return made


async def test_cycle_is_opened_once_the_store_is_back(job: Patient) -> None:
    job.put(5)
    job.store.failing = {"save"}
    answer = asyncio.create_task(measure_backlog(job.services, MINE.to_json()))
    await job.stepped.run(60)
    assert not answer.done()
    job.store.failing = set()
    await job.stepped.run(TRY_EVERY)
    opening = Opening.from_json(answer.result())
    assert (opening.cycle, opening.decision.executions, opening.error) == (1, 1, None)


async def test_store_that_stays_away_is_the_error_of_the_cycle(job: Patient) -> None:
    job.store.failing = {"get"}
    answer = asyncio.create_task(measure_backlog(job.services, MINE.to_json()))
    await job.stepped.run(HELD_BACK.total_seconds())
    opening = Opening.from_json(answer.result())
    assert (opening.cycle, opening.error) == (None, "no answer to get")


async def test_cycle_is_closed_once_the_store_is_back(job: Patient) -> None:
    job.put(5)
    opening = await job.open()
    executions = [await job.execute(opening)]
    job.store.failing = {"write_cycle"}
    answer = asyncio.create_task(close_cycle(job.services, job.order(MINE, opening, executions)))
    await job.stepped.run(60)
    assert not answer.done()
    job.store.failing = set()
    await job.stepped.run(TRY_EVERY)
    assert not Ending.from_json(answer.result()).fence_lost
    assert await job.books() == (5, 5, 0)


async def test_what_the_store_refuses_is_not_waited_for() -> None:
    async def refused() -> None:
        raise StoreError("this does not fit")

    with pytest.raises(StoreError, match="does not fit"):
        await once_stored(SteppedClock(), "job", refused)


async def test_answer_is_not_held_back_for_ever() -> None:
    async def away() -> None:
        raise StoreUnavailableError("away")

    clock = SteppedClock()
    answer = asyncio.create_task(once_stored(clock, "job", away))
    await settle()
    assert not answer.done()
    await clock.run(HELD_BACK.total_seconds())
    with pytest.raises(StoreUnavailableError):
        answer.result()
