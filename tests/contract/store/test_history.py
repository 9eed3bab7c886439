"""What every store promises of the history: cycles, events and looks, in pages, newest first, and kept to a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.clock import rfc3339
from ebb.core.contract.store import Store
from ebb.core.pages import Span
from ebb.core.row.looks import Look
from ebb.store import table_access, tables
from tests.contract.store.documents import START, cycle, event, execution, numbers


async def test_write_cycle_gives_back_the_document(store: Store) -> None:
    written = cycle(7, error="Größe: zu groß 🦊", extra={"nested": [1, None, "ä"]})
    await store.write_cycle("parity", written)
    assert await store.cycle("parity", 7) == written
    assert (await store.cycles("parity")).value == [written]


async def test_who_writes_a_cycle_first_decides(store: Store) -> None:
    assert await store.write_cycle("parity", cycle(7, executions=300)) is None
    assert await store.write_cycle("parity", cycle(7, executions=1)) == cycle(7, executions=300)
    assert (await store.cycles("parity")).value == [cycle(7, executions=300)]


async def test_a_cycle_of_an_earlier_life_gives_way_to_one_of_its_number(store: Store) -> None:
    later = {**cycle(7, executions=1), "startedAt": rfc3339(START + timedelta(days=1))}
    await store.write_cycle("parity", cycle(7, executions=300))
    assert await store.write_cycle("parity", later) is None
    assert (await store.cycles("parity")).value == [later]


async def test_of_two_who_write_a_cycle_at_once_both_learn_what_stands(store: Store) -> None:
    counts = range(1, 6)
    answers = await asyncio.gather(*(store.write_cycle("parity", cycle(7, executions=count)) for count in counts))
    (stands,) = (await store.cycles("parity")).value
    assert answers.count(None) == 1
    assert [each for each in answers if each is not None] == [stands] * 4
    assert answers.index(None) == len(stands["executions"]) - 1


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
    for module in (table_access, tables):
        monkeypatch.setattr(module, "PAGE_LIMIT", 10)
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
