"""KEDA's arithmetic for a group's lag, and the text that is kept with an offset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sources.kafka.lag import LagRules, TopicLag, lag_of_partition, lag_of_topic, partition_numbers
from ebb.sources.kafka.positions import LONGEST_TEXT, Mark, Positions


@pytest.mark.parametrize(
    ("committed", "end", "rules", "previous", "lag"),
    [
        (None, 100, LagRules(), None, 1),
        (None, 100, LagRules(earliest=True), None, 100),
        (None, None, LagRules(earliest=True), None, 0),
        (None, 100, LagRules(zero_without_offset=True), None, 0),
        (None, 100, LagRules(earliest=True, zero_without_offset=True), None, 0),
        (40, 100, LagRules(), None, 60),
        (40, None, LagRules(), None, 0),
        (100, 40, LagRules(), None, -60),
        (40, 100, LagRules(), 40, 60),
        (40, 100, LagRules(exclude_persistent=True), 40, 0),
        (40, 100, LagRules(exclude_persistent=True), 39, 60),
        (40, 100, LagRules(exclude_persistent=True), None, 60),
    ],
)
def test_lag_of_a_partition(
    committed: int | None, end: int | None, rules: LagRules, previous: int | None, lag: int
) -> None:
    assert lag_of_partition(committed, end, rules, previous) == lag


def test_lag_of_a_topic_sums_what_is_below_zero_too() -> None:
    found = lag_of_topic({0: 5, 1: 10, 2: None, 3: 7}, {0: 10, 1: 8, 2: 50, 3: 7}, LagRules())
    assert found == TopicLag(5 - 2 + 1 + 0, 2)


@pytest.mark.parametrize(
    ("text", "numbers"), [(None, None), (" ", None), ("1-4,8", {1, 2, 3, 4, 8}), (" 3 , 5-5", {3, 5}), ("4-1", set())]
)
def test_partitions_that_are_named(text: str | None, numbers: set[int] | None) -> None:
    assert partition_numbers(text) == numbers


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1,,2", "1.5"])
def test_partitions_that_are_not_named_well(text: str) -> None:
    with pytest.raises(ValueError, match="is not a partition"):
        partition_numbers(text)


def test_committed_offset_is_the_first_that_is_not_done() -> None:
    positions = Positions.read(100, None)
    assert [positions.begin(offset) for offset in range(100, 110)] == [1] * 10
    for offset in (101, 103, 104, 105):
        positions.finish(offset)
    assert (positions.committed, positions.text) == (100, "ebb1 0+1=1 1+1=0 2+1=1 3+3=0 6+4=1")
    positions.finish(100)
    assert (positions.committed, positions.text) == (102, "ebb1 0+1=1 1+3=0 4+4=1")
    again = Positions.read(positions.committed, positions.text)
    assert [offset for offset in range(100, 110) if again.is_done(offset)] == [100, 101, 103, 104, 105]
    assert again.begin(102) == 2
    again.put_off(102, 1_700_000_000)
    assert Positions.read(again.committed, again.text).until(102) == 1_700_000_000


def test_gaps_in_the_offsets_hold_nothing_up() -> None:
    """A compacted topic, and one with transactions, has offsets that hold no message."""
    positions = Positions.read(0, None)
    positions.begin(3)
    positions.begin(7)
    positions.finish(3)
    assert positions.committed == 7
    positions.finish(7)
    assert positions.committed == 8
    positions.skip(20)
    assert (positions.committed, positions.text) == (20, "")


@pytest.mark.parametrize(
    "text", ["", "ebb2 0+1=1", "metadata of another program", "ebb1 0+x=1", "ebb1 nonsense", "ebb1 "]
)
def test_text_of_another_program_says_nothing(text: str) -> None:
    assert Positions.read(5, text).marks == {}


def test_reader_that_is_far_ahead_of_what_is_not_done_waits() -> None:
    positions = Positions.read(0, None)
    offset = 0
    while not positions.is_full:
        positions.begin(offset)
        if offset % 2:
            positions.finish(offset)
        offset += 1
    assert len(positions.text) < LONGEST_TEXT
    for each in range(0, offset, 2):
        positions.finish(each)
    assert (positions.committed, positions.is_full) == (offset, False)


def test_what_was_not_seen_before_something_done_is_not_passed_over() -> None:
    positions = Positions.read(5, "ebb1 5+1=0")  # 10 is done, by an earlier reader
    positions.skip(6)  # 5 holds no message
    assert positions.committed == 6
    positions.begin(6)
    positions.finish(6)
    assert positions.committed == 7
    positions.skip(10)
    assert (positions.committed, positions.is_done(10)) == (10, True)
    positions.skip(11)
    assert (positions.committed, positions.marks) == (11, {})


@given(st.lists(st.tuples(st.sampled_from(["begin", "finish", "later"]), st.integers(0, 40)), max_size=80))
def test_nothing_that_is_not_done_is_passed_over(steps: list[tuple[str, int]]) -> None:
    positions, begun, done = Positions.read(0, None), set[int](), set[int]()
    for step, number in steps:
        if step == "begin":
            offset = len(begun)  # a reader gives them out in their order
            begun.add(offset)
            positions.begin(offset)
        elif number in begun:
            if step == "finish":
                done.add(number)
                positions.finish(number)
            elif number not in done:
                positions.put_off(number, 5)
        read = Positions.read(positions.committed, positions.text)
        assert {each for each in range(60) if read.is_done(each)} == done
        assert all(read.marks[each] == (positions.marks[each]) for each in begun - done)
        assert read.marks == positions.marks
    assert Mark(0) not in [positions.marks.get(each) for each in begun - done]
