"""What every store promises, checked on the memory twin and on tables in a real emulator."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from ebb.core.clock import rfc3339
from ebb.core.errors import ConflictError, StoreError
from ebb.core.pages import Span
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.looks import Look
from ebb.core.row.schedule_row import Intent, ScheduleRow, Totals
from ebb.core.settings.connection import resolve_connection
from ebb.store import tables
from ebb.store.base import Store, update
from ebb.store.memory import MemoryStore
from ebb.store.tables import TableStore
from tests.azurite import Azurite

START = datetime(2026, 11, 21, 20, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture(params=["memory", "tables"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An empty store of its own for each test."""
    if request.param == "memory":
        yield MemoryStore()
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    connection = resolve_connection("Storage", {"Storage": azurite.connection_string})
    made = TableStore(connection, prefix=f"T{secrets.token_hex(6)}")
    yield made
    await made.close()


def cycle(number: int, executions: int = 2, **more: Any) -> dict[str, Any]:
    """A Cycle document; cycle n ended n minutes after START."""
    return {
        "cycle": number,
        "startedAt": rfc3339(START + timedelta(minutes=number - 1)),
        "endedAt": rfc3339(START + timedelta(minutes=number)),
        "backlog": {"count": 32, "measuredAt": rfc3339(START)},
        "decision": {"executions": executions, "reason": f"32 messages ÷ 16 = {executions} executions"},
        "executions": [execution(index) for index in range(executions)],
        "processed": 16 * executions,
        "failed": 0,
        "poisoned": 0,
        "outcome": "succeeded",
        "error": None,
        **more,
    }


def execution(index: int, error: str | None = None) -> dict[str, Any]:
    return {
        "index": index,
        "startedAt": rfc3339(START),
        "endedAt": rfc3339(START),
        "outcome": "failed" if error else "succeeded",
        "processed": 16,
        "failed": 0,
        "poisoned": 0,
        "error": error,
    }


def event(number: int, kind: str = "audit", **more: Any) -> dict[str, Any]:
    return {"id": f"event {number}/#?", "at": rfc3339(START + timedelta(seconds=number)), "kind": kind, **more}


def numbers(page: list[dict[str, Any]]) -> list[int]:
    return [document["cycle"] for document in page]


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
        working_until=START + timedelta(minutes=5),
        cycle=2**40,
        cycle_for=41,
        closed_cycle=41,
        unclosed=({"cycle": 40, "owner": "hub/ebb-parity/1", "startedAt": rfc3339(START)}, {"cycle": 41}),
        drained_cycle=41,
        cancelled={"41-0": "it hangs", "41-1": None},
        totals=Totals(cycles=41, processed=2**40, failed=3, poisoned=1, at_least=True),
        backlog={"count": 12, "measuredAt": rfc3339(START)},
        last_cycle={"cycle": 41, "decision": {"reason": "…"}},
        error="queue is down",
        looks={"looks": [[1_700_000_000, 12, 3, 41, 1]]},
        poison={"count": 4, "measuredAt": rfc3339(START)},
        failures=3,
        last_error={"message": "queue is down", "count": 2, "firstAt": rfc3339(START), "at": rfc3339(START)},
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


async def test_executions_are_noted_and_forgotten(store: Store) -> None:
    first = ExecutionNote("hub/ebb-parity/a", cycle=7, index=0, run="one", until=START)
    second, other = replace(first, index=1), replace(first, owner="hub/ebb-parity/b")
    again = replace(first, run="two")
    assert await store.executions("parity") == []
    for each in (first, second, other, again, first):
        await store.begin_execution("parity", each)
    await store.begin_execution("parity-2", first)
    assert sorted(await store.executions("parity"), key=str) == sorted([first, second, other, again], key=str)
    later = replace(first, until=START + timedelta(minutes=1))
    await store.begin_execution("parity", later)
    await store.forget_executions("parity", [second, again])
    await store.forget_executions("parity", [second])
    await store.forget_executions("parity", [])
    assert sorted(await store.executions("parity"), key=str) == sorted([later, other], key=str)
    assert await store.executions("parity-2") == [first]
    assert await store.rows() == {}


async def test_note_tells_what_an_execution_did_and_is_not_made_again(store: Store) -> None:
    note = ExecutionNote("hub/ebb-parity/a", cycle=7, index=0, run="one", until=START)
    did = replace(note, document={"index": 0, "processed": 12, "error": "ValueError: ä 🛢"})
    assert not await store.note_execution("parity", did)
    assert await store.executions("parity") == []
    await store.begin_execution("parity", note)
    assert await store.note_execution("parity", did)
    assert await store.executions("parity") == [did]


async def test_many_notes_are_forgotten_at_once(store: Store) -> None:
    notes = [ExecutionNote("hub/ebb-parity/a", 7, index, "one", START) for index in range(130)]
    await asyncio.gather(*(store.begin_execution("parity", note) for note in notes))
    await store.forget_executions("parity", notes)
    assert await store.executions("parity") == []


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


async def test_write_cycle_gives_back_the_document(store: Store) -> None:
    written = cycle(7, error="Größe: zu groß 🦊", extra={"nested": [1, None, "ä"]})
    await store.write_cycle("parity", written)
    assert await store.cycle("parity", 7) == written
    assert (await store.cycles("parity")).value == [written]


async def test_write_cycle_replaces_the_same_cycle(store: Store) -> None:
    await store.write_cycle("parity", cycle(7, executions=300))
    await store.write_cycle("parity", cycle(7, executions=1))
    assert (await store.cycles("parity")).value == [cycle(7, executions=1)]


async def test_write_cycle_takes_a_thousand_executions_in_order(store: Store) -> None:
    written = cycle(7, executions=1000)
    await store.write_cycle("parity", written)
    assert await store.cycle("parity", 7) == written


async def test_write_cycle_bounds_huge_errors_and_keeps_the_structure(store: Store) -> None:
    huge = "Zeile 🦊 \ud800\n" * 20_000
    written = {**cycle(7, error=huge), "executions": [execution(index, huge) for index in range(1000)]}
    await store.write_cycle("parity", written)
    read = await store.cycle("parity", 7)
    assert read
    assert read["error"].startswith("Zeile 🦊")
    assert 100 <= len(read["error"]) <= 4_000
    assert [each["index"] for each in read["executions"]] == list(range(1000))
    assert all(each["error"].startswith("Zeile") and each["error"].endswith("(cut)") for each in read["executions"])


async def test_write_cycle_refuses_a_number_out_of_range(store: Store) -> None:
    with pytest.raises(ValueError, match="cycle -1"):
        await store.write_cycle("parity", cycle(-1))


async def test_cycle_gives_none_where_it_is_not_kept(store: Store) -> None:
    assert await store.cycle("parity", 1) is None
    await store.write_cycle("parity", cycle(1))
    assert await store.cycle("parity", 2) is None
    assert await store.cycle("other", 1) is None


async def test_cycles_is_empty_for_an_unknown_schedule(store: Store) -> None:
    page = await store.cycles("parity")
    assert (page.value, page.continuation_token) == ([], None)


async def test_cycles_pages_through_all_newest_first(store: Store) -> None:
    await asyncio.gather(*(store.write_cycle("parity", cycle(number)) for number in range(1, 251)))
    await store.write_cycle("parity-2", cycle(999))
    seen: list[int] = []
    token, sizes = None, list[int]()
    while True:
        page = await store.cycles("parity", top=100, token=token)
        seen += numbers(page.value)
        sizes.append(len(page.value))
        token = page.continuation_token
        if token is None:
            break
    assert seen == list(range(250, 0, -1))
    assert sizes == [100, 100, 50]


async def test_cycles_gives_no_token_when_the_page_is_the_last_and_full(store: Store) -> None:
    for number in (1, 2):
        await store.write_cycle("parity", cycle(number))
    page = await store.cycles("parity", top=2)
    assert (numbers(page.value), page.continuation_token) == ([2, 1], None)


async def test_cycles_keeps_its_place_when_newer_cycles_come(store: Store) -> None:
    for number in (1, 2, 3):
        await store.write_cycle("parity", cycle(number))
    page = await store.cycles("parity", top=2)
    await store.write_cycle("parity", cycle(4))
    rest = await store.cycles("parity", top=2, token=page.continuation_token)
    assert (numbers(page.value), numbers(rest.value)) == ([3, 2], [1])


@pytest.mark.parametrize(
    "token", ["", "nonsense", "c-1", "c-00000000000a", "e-000000000000000-0123456789abcdef", "' or 1"]
)
async def test_cycles_refuses_a_token_it_did_not_give(store: Store, token: str) -> None:
    with pytest.raises(ValueError, match="continuationToken"):
        await store.cycles("parity", token=token)


@pytest.mark.parametrize("top", [0, -1, 1001])
async def test_cycles_refuses_a_page_size_out_of_range(store: Store, top: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 1000"):
        await store.cycles("parity", top=top)


async def test_events_come_newest_first_of_one_kind_or_all(store: Store) -> None:
    for number in range(1, 7):
        await store.write_event("parity", event(number, "audit" if number % 2 else "incident", detail="ö"))
    await store.write_cycle("parity", cycle(1))
    every = await store.events("parity")
    audits = await store.events("parity", kind="audit")
    assert [each["id"] for each in every.value] == [f"event {number}/#?" for number in range(6, 0, -1)]
    assert audits.value == [event(number, "audit", detail="ö") for number in (5, 3, 1)]
    assert (await store.events("parity", kind="' or kind ne '")).value == []


async def test_events_pages_within_a_kind(store: Store) -> None:
    for number in range(1, 7):
        await store.write_event("parity", event(number, "audit" if number % 2 else "incident"))
    first = await store.events("parity", kind="audit", top=2)
    rest = await store.events("parity", kind="audit", top=2, token=first.continuation_token)
    assert [each["id"] for each in (*first.value, *rest.value)] == [f"event {number}/#?" for number in (5, 3, 1)]
    assert rest.continuation_token is None
    with pytest.raises(ValueError, match="continuationToken"):
        await store.events("parity", token="c-000000000001")


async def test_write_event_replaces_the_same_event_and_keeps_others_of_its_time(store: Store) -> None:
    await store.write_event("parity", event(1, detail="first"))
    await store.write_event("parity", event(1, detail="again"))
    await store.write_event("parity", {**event(1), "id": "other"})
    found = (await store.events("parity")).value
    assert len(found) == 2
    assert event(1, detail="again") in found


async def test_write_event_bounds_huge_texts(store: Store) -> None:
    await store.write_event("parity", event(1, detail="🦊" * 100_000))
    (found,) = (await store.events("parity")).value
    assert found["detail"].startswith("🦊")
    assert len(found["detail"]) <= 4_000


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(3, 5, [5, 4, 3]), (None, 2, [2, 1]), (6, None, [7, 6]), (8, None, []), (None, 0, []), (4, 4, [4])],
)
async def test_cycles_and_events_of_a_span(
    store: Store, first: int | None, last: int | None, expected: list[int]
) -> None:
    for number in range(1, 8):
        await store.write_cycle("parity", cycle(number))
        at = rfc3339(START + timedelta(minutes=number))
        await store.write_event("parity", {"id": f"{number}", "at": at, "kind": "audit", "cycle": number})
    span = Span(*(None if each is None else START + timedelta(minutes=each) for each in (first, last)))
    assert numbers((await store.cycles("parity", span=span)).value) == expected
    assert numbers((await store.events("parity", span=span)).value) == expected


async def test_pages_of_a_span_end_where_it_ends(store: Store) -> None:
    for number in range(1, 8):
        await store.write_cycle("parity", cycle(number))
        at = rfc3339(START + timedelta(minutes=number))
        await store.write_event("parity", {"id": f"{number}", "at": at, "kind": "audit", "cycle": number})
    span = Span(START + timedelta(minutes=3), START + timedelta(minutes=6))
    for ask in (store.cycles, lambda *args, **more: store.events(args[0], None, *args[1:], **more)):
        page = await ask("parity", 3, span=span)
        assert numbers(page.value) == [6, 5, 4]
        rest = await ask("parity", 3, page.continuation_token, span=span)
        assert (numbers(rest.value), rest.continuation_token) == ([3], None)


async def test_looks_come_back_oldest_first_from_the_block_that_holds_the_time(store: Store) -> None:
    blocks = [
        [Look(start + 60 * each, each, 1, 10, 2) for each in range(3)] for start in (1_700_000_000, 1_700_000_600)
    ]
    for block in (*blocks, blocks[0]):
        await store.write_looks("parity", block)
    await store.write_looks("other", [Look(1_700_000_000, 9, 9, 9, 9)])
    assert await store.looks("parity", datetime.fromtimestamp(1_700_000_120, UTC)) == [*blocks[0], *blocks[1]]
    assert await store.looks("parity", datetime.fromtimestamp(1_700_000_121, UTC)) == blocks[1]
    assert await store.looks("parity", datetime.fromtimestamp(1_800_000_000, UTC)) == []
    assert (await store.cycles("parity")).value == (await store.events("parity")).value == []


async def test_trim_forgets_looks_by_their_age_alone(store: Store) -> None:
    blocks = [[Look(1_700_000_000, 1, 1, 1, 1)], [Look(1_700_009_000, 2, 2, 2, 2)]]
    for block in blocks:
        await store.write_looks("parity", block)
    await store.trim("parity", keep=1)
    always = datetime.fromtimestamp(1_600_000_000, UTC)
    assert len(await store.looks("parity", always)) == 2
    await store.trim("parity", keep=1, before=datetime.fromtimestamp(1_700_005_000, UTC))
    assert await store.looks("parity", always) == blocks[1]


async def test_trim_keeps_the_newest_by_count(store: Store) -> None:
    for number in range(1, 8):
        await store.write_cycle("parity", cycle(number))
        await store.write_event("parity", event(number))
    await store.write_cycle("other", cycle(1))
    assert await store.trim("parity", keep=3) == 4
    assert numbers((await store.cycles("parity")).value) == [7, 6, 5]
    assert len((await store.events("parity")).value) == 3
    assert numbers((await store.cycles("other")).value) == [1]
    assert await store.trim("parity", keep=3) == 0


async def test_trim_forgets_what_ended_before(store: Store) -> None:
    for number in range(1, 8):
        await store.write_cycle("parity", cycle(number))
    unfinished: Mapping[str, Any] = {"cycle": 8, "error": "never began"}
    await store.write_cycle("parity", unfinished)
    assert await store.trim("parity", keep=100, before=START + timedelta(minutes=5)) == 4
    assert numbers((await store.cycles("parity")).value) == [8, 7, 6, 5]


async def test_trim_forgets_more_than_a_transaction_holds(store: Store) -> None:
    await asyncio.gather(*(store.write_cycle("parity", cycle(number, 0)) for number in range(1, 131)))
    assert await store.trim("parity", keep=5) == 125
    assert numbers((await store.cycles("parity")).value) == [130, 129, 128, 127, 126]


async def test_trim_counts_over_all_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PAGE_LIMIT", 10)
    await asyncio.gather(*(store.write_cycle("parity", cycle(number, 0)) for number in range(1, 61)))
    await asyncio.gather(*(store.write_event("parity", event(number)) for number in range(1, 31)))
    assert await store.trim("parity", keep=25) == 35
    assert numbers((await store.cycles("parity")).value) == list(range(60, 35, -1))
    assert len((await store.events("parity")).value) == 25
    assert await store.trim("parity", keep=20, before=START + timedelta(minutes=45)) == 9
    assert numbers((await store.cycles("parity")).value) == list(range(60, 44, -1))
    assert await store.trim("parity", keep=10) == 6, "what is kept ends with a page"
    assert numbers((await store.cycles("parity")).value) == list(range(60, 50, -1))


async def test_trim_twice_at_once_forgets_each_cycle(store: Store) -> None:
    await asyncio.gather(*(store.write_cycle("parity", cycle(number, 0)) for number in range(1, 21)))
    await asyncio.gather(store.trim("parity", keep=5), store.trim("parity", keep=5))
    assert numbers((await store.cycles("parity")).value) == [20, 19, 18, 17, 16]


async def test_trim_does_nothing_where_nothing_is(store: Store) -> None:
    assert await store.trim("parity", keep=5) == 0


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


async def test_notes_are_replaced_removed_and_forgotten_by_age(store: Store) -> None:
    assert await store.remarks("alone:parity") == {}
    odd = "an id / with # odd ? characters \\ and 'quotes'"
    await store.write_remark("alone:parity", odd, START, {"tries": 1})
    await store.write_remark("alone:parity", odd, START, {"tries": 2})
    await store.write_remark("alone:parity", "late", START + timedelta(hours=1), {"tries": 1})
    await store.write_remark("alone:other", "late", START, {"tries": 7})
    assert await store.remarks("alone:parity") == {odd: {"tries": 2}, "late": {"tries": 1}}
    await store.trim_remarks("alone:parity", START + timedelta(minutes=1))
    assert await store.remarks("alone:parity") == {"late": {"tries": 1}}
    await store.delete_remark("alone:parity", "late")
    await store.delete_remark("alone:parity", "late")
    assert await store.remarks("alone:parity") == {}
    assert await store.remarks("alone:other") == {"late": {"tries": 7}}


async def test_note_of_a_long_text_is_cut_and_not_refused(store: Store) -> None:
    await store.write_remark("poison:work", "1", START, {"reason": "x" * 100_000})
    reason = (await store.remarks("poison:work"))["1"]["reason"]
    assert reason.startswith("xxx")
    assert reason.endswith("(cut)")


async def test_notes_are_no_part_of_the_history(store: Store) -> None:
    await store.write_cycle("parity", cycle(1))
    await store.write_remark("alone:parity", "1", START, {"tries": 1})
    assert [each["cycle"] for each in (await store.cycles("parity")).value] == [1]
    await store.trim("parity", keep=1)
    assert await store.remarks("alone:parity") == {"1": {"tries": 1}}


async def test_delete_of_a_note_where_there_is_no_table_yet_says_nothing(store: Store) -> None:
    await store.delete_remark("alone:parity", "1")
    await store.trim_remarks("alone:parity", START)


async def test_remark_is_swapped_by_who_read_it_last(store: Store) -> None:
    assert await store.remark("once:parity", "7/charge/#?") is None
    etag = await store.swap_remark("once:parity", "7/charge/#?", START, {"by": "a"}, None)
    read = await store.remark("once:parity", "7/charge/#?")
    assert read is not None
    assert (read.remark, read.etag) == ({"by": "a"}, etag)
    with pytest.raises(ConflictError):
        await store.swap_remark("once:parity", "7/charge/#?", START, {"by": "b"}, None)
    later = await store.swap_remark("once:parity", "7/charge/#?", START, {"by": "b"}, etag)
    assert later != etag
    with pytest.raises(ConflictError):
        await store.swap_remark("once:parity", "7/charge/#?", START, {"by": "c"}, etag)
    await store.delete_remark("once:parity", "7/charge/#?")
    with pytest.raises(ConflictError):
        await store.swap_remark("once:parity", "7/charge/#?", START, {"by": "d"}, later)
    assert await store.remark("once:parity", "7/charge/#?") is None


async def test_of_twenty_who_claim_a_remark_one_wins(store: Store) -> None:
    tried = await asyncio.gather(
        *(store.swap_remark("once:parity", "k", START, {"by": str(number)}, None) for number in range(20)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, str) for each in tried) == 1
    assert sum(isinstance(each, ConflictError) for each in tried) == 19
