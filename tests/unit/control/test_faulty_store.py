"""A store that fails at one step of a cycle: the loop goes on, and afterwards history, totals and handlers agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ebb.control.closing import close
from ebb.core.contract import outage
from ebb.core.cycle import CycleState, Ending, Opening, Verdict
from ebb.core.cycle_summary import summarize
from ebb.core.documents import Execution
from ebb.core.errors import StoreUnavailableError
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.store.memory import MemoryStore
from tests.unit.control.cycle_world import MINE, World

NEXT_OWNER = replace(MINE, owner="hub/ebb-job/2")


class FaultyStore(MemoryStore):
    """Fails the calls whose names stand in `failing`."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[str] = set()

    def _may(self, call: str) -> None:
        if call in self.failing:
            raise StoreUnavailableError(f"no answer to {call}")

    async def get(self, name: str) -> ScheduleRow:
        self._may("get")
        return await super().get(name)

    async def save(self, row: ScheduleRow) -> ScheduleRow:
        self._may("save")
        return await super().save(row)

    async def write_cycle(self, schedule: str, cycle: Mapping[str, Any]) -> dict[str, Any] | None:
        self._may("write_cycle")
        return await super().write_cycle(schedule, cycle)

    async def note_execution(self, schedule: str, note: ExecutionNote) -> bool:
        self._may("note_execution")
        return await super().note_execution(schedule, note)

    async def forget_executions(self, schedule: str, notes: Sequence[ExecutionNote]) -> None:
        self._may("forget_executions")
        await super().forget_executions(schedule, notes)


class Job(World):
    """A schedule whose cycles a test drives step by step, as the orchestration does."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.services.store = FaultyStore()

    async def cycle(self, state: CycleState, messages: int = 5) -> tuple[CycleState, Ending | None]:
        """Put messages and run one whole cycle; None where it could not be closed."""
        self.put(messages)
        opening = await self.open(state)
        wanted = opening.decision.executions > 0
        executions = [await self.execute(opening, owner=state.owner)] if wanted else []
        return await self.close(state, opening, executions)

    async def close(
        self, state: CycleState, opening: Opening, executions: list[dict[str, Any]]
    ) -> tuple[CycleState, Ending | None]:
        summary = summarize([Execution.from_document(each) for each in executions], opening.error)
        if opening.cycle is None or not (executions or opening.error):
            return state.follow(opening, summary, Ending(opening.wait)), Ending(opening.wait)
        try:
            ending = await close(self.services, self.order(state, opening, executions))
        except StoreUnavailableError as error:
            return state.follow(opening, summary, Ending(opening.wait, error=str(error))), None
        return state.follow(opening, summary, ending), ending

    @staticmethod
    def order(state: CycleState, opening: Opening, executions: list[dict[str, Any]]) -> dict[str, Any]:
        """What the orchestration gives to close_cycle."""
        summary = summarize([Execution.from_document(each) for each in executions], opening.error)
        return {
            "state": state.to_json(),
            "settings": opening.settings,
            "received": summary.received,
            "broken": summary.broken,
            "cycle": {
                "cycle": opening.cycle,
                "startedAt": opening.started_at,
                "endedAt": opening.started_at,
                "backlog": opening.backlog.to_document() if opening.backlog else None,
                "decision": opening.decision.to_document(),
                "executions": executions,
                "processed": summary.processed,
                "failed": summary.failed,
                "poisoned": summary.poisoned,
                "outcome": summary.outcome,
                "error": summary.error,
            },
        }

    async def books(self) -> tuple[int, int, int]:
        """What history and totals say was processed, and how many notes are left."""
        page = await self.store.cycles("job")
        row = await self.row()
        return (
            sum(each["processed"] for each in page.value),
            row.totals.processed,
            len(await self.store.executions("job")),
        )


@pytest.fixture
async def job() -> Job:
    made = Job()
    await made.intend()
    return made


async def test_opening_that_was_not_written_down_has_no_number_and_is_not_closed(job: Job) -> None:
    job.put(5)
    job.store.failing = {"save"}
    opening = await job.open()
    assert (opening.verdict, opening.cycle, opening.decision.executions) == (Verdict.GO, None, 0)
    assert "no answer" in str(opening.error)
    assert opening.wait.seconds <= 20, "at most two pollingInterval"
    job.store.failing = set()
    state, ending = await job.close(MINE, opening, [])
    assert ending is not None
    assert not ending.fence_lost
    state, _ = await job.cycle(state, messages=0)
    assert await job.books() == (5, 5, 0)
    assert state.errors == 0


@pytest.mark.parametrize("failing", ["save", "write_cycle", "get"])
async def test_cycle_that_could_not_be_closed_is_closed_by_the_next_one(job: Job, failing: str) -> None:
    job.put(5)
    opening = await job.open()
    executions = [await job.execute(opening)]
    job.store.failing = {failing}
    state, ending = await job.close(MINE, opening, executions)
    assert ending is None
    assert state.errors == 1
    job.store.failing = set()
    state, _ = await job.cycle(state, messages=7)
    assert state.errors == 0
    assert await job.books() == (12, 12, 0)
    assert (await job.row()).unclosed == ()


async def test_cycles_go_on_while_the_history_is_away_and_are_all_in_the_books_afterwards(job: Job) -> None:
    state = MINE
    job.store.failing = {"write_cycle"}
    for _ in range(3):
        state, ending = await job.cycle(state)
        assert ending is None
    assert [entry.cycle for entry in (await job.row()).unclosed] == [1, 2, 3]
    job.store.failing = set()
    await job.cycle(state)
    assert await job.books() == (20, 20, 0)


async def test_so_many_cycles_are_not_left_behind_without_end(job: Job) -> None:
    state = MINE
    job.store.failing = {"write_cycle"}
    for _ in range(25):
        state, _ = await job.cycle(state, messages=1)
    assert len((await job.row()).unclosed) == 20
    job.store.failing = set()
    await job.cycle(state, messages=0)
    assert await job.books() == (25, 25, 0)


async def test_successor_closes_the_cycle_of_a_dead_host_with_what_its_notes_say(job: Job) -> None:
    job.put(10)
    opening = await job.open()
    done = await job.execute(opening)
    assert done["processed"] == 10
    job.later(3600)
    await job.cycle(NEXT_OWNER)
    first = await job.store.cycle("job", 1)
    assert first is not None
    assert (first["processed"], first["outcome"], first["closedBy"]) == (10, "succeeded", "ebb-job as it went on")
    assert await job.books() == (15, 15, 0)


async def test_killed_owner_cannot_write_its_cycle_once_another_acts(job: Job) -> None:
    job.put(5)
    opening = await job.open()
    executions = [await job.execute(opening)]
    job.later(3600)
    state, _ = await job.cycle(NEXT_OWNER)
    before = await job.store.cycle("job", 1)
    _, ending = await job.close(MINE, opening, executions)
    assert ending is not None
    assert ending.fence_lost
    assert await job.store.cycle("job", 1) == before
    assert (await job.row()).owner == state.owner
    assert await job.books() == (10, 10, 0)


async def test_execution_that_comes_after_its_cycle_was_closed_touches_no_message(job: Job) -> None:
    job.put(5)
    opening = await job.open()
    await job.close(MINE, opening, [await job.execute(opening)])
    job.put(3)
    late = await job.execute(opening, index=1)
    assert (late["outcome"], late["received"]) == ("fenceLost", 0)
    assert (await job.services.source.__self__.open_source().measure()).count == 3


async def test_close_that_is_repeated_after_its_answer_was_lost_changes_nothing(job: Job) -> None:
    job.put(5)
    opening = await job.open()
    executions = [await job.execute(opening)]
    await job.store.begin_execution("job", ExecutionNote(str(MINE.owner), 1, 0, "died", job.clock.now(), executions[0]))
    await job.close(MINE, opening, executions)
    written, row = await job.store.cycle("job", 1), await job.row()
    _, again = await job.close(MINE, opening, executions)
    assert again is not None
    assert await job.store.cycle("job", 1) == written
    assert replace(await job.row(), etag=None) == replace(row, etag=None)


async def test_notes_that_could_not_be_forgotten_are_not_counted_again(job: Job) -> None:
    job.store.failing = {"forget_executions"}
    state, _ = await job.cycle(MINE)
    job.store.failing = set()
    await job.cycle(state)
    history, totals, _ = await job.books()
    assert (history, totals) == (10, 10)


async def test_last_word_that_was_not_noted_still_counts_by_the_report(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "HELD_BACK", timedelta())
    job.put(5)
    opening = await job.open()
    job.store.failing = {"note_execution"}
    executions = [await job.execute(opening)]
    job.store.failing = set()
    job.later(timedelta(seconds=1).total_seconds())
    await job.close(MINE, opening, executions)
    assert await job.books() == (5, 5, 0)
    assert not (await job.row()).totals.at_least


async def test_terminated_cycle_is_in_the_books_as_such(job: Job) -> None:
    job.put(5)
    opening = await job.open()
    await job.execute(opening)
    row = await job.row()
    entries = tuple(replace(entry, outcome="terminated") for entry in row.unclosed)
    await job.intend(Intent.RUNNING, unclosed=entries)
    job.later(3600)
    await job.cycle(NEXT_OWNER, messages=0)
    first = await job.store.cycle("job", 1)
    assert first is not None
    assert (first["outcome"], first["processed"]) == ("terminated", 5)
