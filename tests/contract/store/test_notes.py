"""What every store promises of notes: those of executions at work, and remarks that many processes share."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ebb.core.contract.store import Store
from ebb.core.errors import ConflictError
from ebb.core.row.execution_note import ExecutionNote
from tests.contract.store.documents import START, cycle


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


async def test_many_remarks_of_an_age_are_forgotten(store: Store) -> None:
    await asyncio.gather(*(store.write_remark("keys:parity", f"k{number}", START, {}) for number in range(230)))
    await store.write_remark("keys:parity", "late", START + timedelta(hours=1), {})
    await store.trim_remarks("keys:parity", START + timedelta(minutes=1))
    assert await store.remarks("keys:parity") == {"late": {}}


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
    with pytest.raises(ConflictError):
        await store.delete_remark("once:parity", "7/charge/#?", etag)
    assert await store.remark("once:parity", "7/charge/#?") is not None
    await store.delete_remark("once:parity", "7/charge/#?", later)
    await store.delete_remark("once:parity", "7/charge/#?", later)
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
