"""The same order twice in one process: one run, one answer for both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ebb.execution.single_run import single_run


class Work:
    """Runs that end when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def run(self) -> dict[str, Any]:
        self.begun += 1
        number = self.begun
        await self.go_on.wait()
        return {"run": number}


async def _twice(work: Work) -> list[asyncio.Task[dict[str, Any]]]:
    both = [asyncio.create_task(single_run("a", work.run)) for _ in range(2)]
    await asyncio.sleep(0.01)
    return both


async def test_second_waits_for_the_answer_to_the_first() -> None:
    work = Work()
    both = await _twice(work)
    assert work.begun == 1
    work.go_on.set()
    assert await asyncio.gather(*both) == [{"run": 1}, {"run": 1}]
    assert await single_run("a", work.run) == {"run": 2}  # nothing is kept


async def test_other_executions_run_beside_it() -> None:
    work = Work()
    others = [asyncio.create_task(single_run(key, work.run)) for key in "ab"]
    await asyncio.sleep(0.01)
    assert work.begun == 2
    work.go_on.set()
    await asyncio.gather(*others)


async def test_first_that_is_cancelled_lets_the_second_run() -> None:
    work = Work()
    first, second = await _twice(work)
    first.cancel()
    await asyncio.sleep(0.01)
    assert work.begun == 2
    work.go_on.set()
    assert await second == {"run": 2}


async def test_failure_of_the_first_is_that_of_both() -> None:
    async def fail() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        raise ValueError("a defect")

    for each in [asyncio.create_task(single_run("a", fail)) for _ in range(2)]:
        with pytest.raises(ValueError, match="a defect"):
            await each
