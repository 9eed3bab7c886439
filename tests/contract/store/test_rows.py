"""What every store promises of rows: nobody's change is lost, and everything comes back as it was."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import fields, replace
from datetime import timedelta
from typing import cast

import pytest

from ebb.core.clock import rfc3339
from ebb.core.contract.store import Store, update
from ebb.core.decision import Decision
from ebb.core.documents import Backlog
from ebb.core.errors import ConflictError, StoreError
from ebb.core.row.schedule_row import Intent, LastError, PoisonCount, ScheduleRow, Totals, UnclosedCycle
from tests.contract.store.documents import START, cycle, numbers


async def test_get_gives_defaults_without_etag_for_an_untouched_schedule(store: Store) -> None:
    assert await store.get("parity") == ScheduleRow(name="parity")
    assert await store.rows() == {}


async def test_save_keeps_every_field(store: Store) -> None:
    row = ScheduleRow(
        name="parity",
        intent=Intent.PAUSED,
        reason="Pause für Ölwechsel 🛢️ \u0000\n'\"",
        changed_by="ops@example.org",
        changed_at=START,
        until=START + timedelta(days=1),
        overrides={"maxExecutions": 3, "source": {"queueName": "früh"}},
        overrides_base={"maxExecutions": 10},
        hub="EbbHub",
        triggered="a trigger",
        launch=4,
        starting_until=START,
        owner="hub/ebb-parity/1",
        owner_launch=4,
        owner_until=START,
        checked_in_at=START,
        working_until=START + timedelta(minutes=5),
        cycle=2**40,
        cycle_for=41,
        closed_cycle=41,
        unclosed=(
            UnclosedCycle(
                cycle=40,
                owner="hub/ebb-parity/1",
                started_at=rfc3339(START),
                backlog=Backlog(count=12, measured_at=rfc3339(START)),
                decision=Decision(3, "12 messages"),
                outcome="terminated",
            ),
            UnclosedCycle(cycle=41),
        ),
        drained_cycle=41,
        cancelled={"41-0": "it hangs", "41-1": None},
        totals=Totals(cycles=41, processed=2**40, failed=3, poisoned=1, at_least=True),
        backlog=Backlog(count=12, measured_at=rfc3339(START)),
        last_cycle={"cycle": 41, "decision": {"reason": "…"}},
        error="queue is down",
        looks={"looks": [[1_700_000_000, 12, 3, 41, 1]]},
        poison=PoisonCount(count=4, measured_at=rfc3339(START)),
        failures=3,
        last_error=LastError(message="queue is down", count=2, first_at=rfc3339(START), at=rfc3339(START)),
        memory={"since": rfc3339(START), "carry": {"worked": 7, "arrivals": 0.25}},
        history_count=17,
        restarts=2,
        restarted_at=START,
        restart_cause="the instance was gone",
    )
    default = ScheduleRow(name="")
    unset = [each.name for each in fields(row) if getattr(row, each.name) == getattr(default, each.name)]
    assert unset == ["etag"], "give the new field a value here, so that this test covers it"
    saved = await store.save(row)
    assert saved.etag
    assert replace(saved, etag=None) == row
    assert await store.get("parity") == saved
    assert await store.rows() == {"parity": saved}


async def test_save_forgets_what_became_none(store: Store) -> None:
    saved = await store.save(ScheduleRow(name="parity", reason="why", until=START))
    await store.save(replace(saved, reason=None, until=None))
    row = await store.get("parity")
    assert (row.reason, row.until) == (None, None)


async def test_save_keeps_times_to_the_millisecond(store: Store) -> None:
    saved = await store.save(ScheduleRow(name="parity", until=START.replace(microsecond=123999)))
    assert saved.until == START
    assert await store.get("parity") == saved


async def test_save_refuses_a_row_read_before_another_write(store: Store) -> None:
    first = await store.save(ScheduleRow(name="parity"))
    await store.save(replace(first, cycle=1))
    with pytest.raises(ConflictError, match="parity"):
        await store.save(replace(first, cycle=2))
    assert (await store.get("parity")).cycle == 1


async def test_save_refuses_a_new_row_where_one_is(store: Store) -> None:
    await store.save(ScheduleRow(name="parity", cycle=1))
    with pytest.raises(ConflictError, match="parity"):
        await store.save(ScheduleRow(name="parity", cycle=2))
    assert (await store.get("parity")).cycle == 1


async def test_save_refuses_an_etag_of_a_row_that_is_not_there(store: Store) -> None:
    saved = await store.save(ScheduleRow(name="one"))
    with pytest.raises(ConflictError, match="two"):
        await store.save(replace(saved, name="two"))


async def test_save_bounds_texts_and_refuses_overrides_that_do_not_fit(store: Store) -> None:
    saved = await store.save(ScheduleRow(name="parity", error="x" * 1_000_000, last_cycle=cycle(1, error="y" * 10**6)))
    assert saved.error
    assert len(saved.error) <= 4_000
    assert saved.error.endswith("(cut)")
    assert await store.get("parity") == saved
    with pytest.raises(StoreError, match="overrides of schedule parity"):
        await store.save(replace(saved, overrides={"handler": "x" * 40_000}))


async def test_update_loses_nothing_among_twenty_tasks(store: Store) -> None:
    def add(row: ScheduleRow) -> ScheduleRow:
        return replace(row, totals=replace(row.totals, processed=row.totals.processed + 1))

    await asyncio.gather(*(update(store, "parity", add) for _ in range(20)))
    assert (await store.get("parity")).totals.processed == 20


async def test_update_writes_nothing_when_nothing_changes(store: Store) -> None:
    before = await store.save(ScheduleRow(name="parity"))
    assert await update(store, "parity", lambda row: row) == before
    assert (await store.get("parity")).etag == before.etag


async def test_update_of_a_row_that_was_just_read_asks_again_only_where_it_has_to(store: Store) -> None:
    class Counted:
        """The store, and how often it was asked for a row."""

        save, asked = store.save, 0

        async def get(self, name: str) -> ScheduleRow:
            self.asked += 1
            return await store.get(name)

    def stop(row: ScheduleRow) -> ScheduleRow:
        return replace(row, reason=f"after {row.cycle}")

    first = await store.save(ScheduleRow(name="parity", cycle=1))
    counted = Counted()
    known = await update(cast("Store", counted), "parity", stop, known=first)
    assert (known.reason, counted.asked) == ("after 1", 0)
    await store.save(replace(known, cycle=2))
    after = await update(cast("Store", counted), "parity", stop, known=known)  # somebody has written since
    assert (after.reason, counted.asked) == ("after 2", 1)
    await store.save(replace(after, cycle=3))
    seen = await update(cast("Store", counted), "parity", lambda row: row, known=after)  # nothing to write would tell
    assert (seen.cycle, counted.asked) == (3, 2)


async def test_rows_gives_all_schedules(store: Store) -> None:
    for index in range(12):
        await store.save(ScheduleRow(name=f"schedule-{index:02d}", cycle=index))
    rows = await store.rows()
    assert {name: row.cycle for name, row in rows.items()} == {f"schedule-{index:02d}": index for index in range(12)}


async def test_check_reaches_an_empty_store(store: Store) -> None:
    await store.check()


async def test_store_separates_schedules_with_similar_names(store: Store) -> None:
    unique = secrets.token_hex(4)
    await store.write_cycle(f"a-{unique}", cycle(1))
    await store.write_cycle(f"a-{unique}-b", cycle(2))
    assert numbers((await store.cycles(f"a-{unique}")).value) == [1]


async def test_update_raises_the_conflict_when_others_win_every_time(store: Store) -> None:
    calls = 0

    class Beaten:
        """The store, where another writer is always a moment earlier."""

        get = store.get

        async def save(self, row: ScheduleRow) -> ScheduleRow:
            nonlocal calls
            calls += 1
            other = await store.get(row.name)
            await store.save(replace(other, cycle=other.cycle + 1))
            return await store.save(row)

    with pytest.raises(ConflictError):
        await update(cast("Store", Beaten()), "parity", lambda row: replace(row, reason="mine"), attempts=3)
    assert calls == 3
    row = await store.get("parity")
    assert (row.cycle, row.reason) == (3, None)
