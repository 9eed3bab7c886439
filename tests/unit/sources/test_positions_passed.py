"""Positions of a partition whose messages wait behind others of their key: none is passed by for good."""

from __future__ import annotations

import random

import pytest

from ebb.sources.kafka.positions import Positions


def test_offset_that_was_passed_over_is_not_committed_and_not_in_the_text() -> None:
    positions = Positions(0)
    positions.begin(0)
    positions.pass_over(1)
    positions.begin(2)
    positions.finish(2)
    positions.finish(0)
    assert (positions.committed, positions.text) == (1, "ebb1 1+1=0")
    again = Positions.read(positions.committed, positions.text)
    assert [again.is_done(offset) for offset in (0, 1, 2, 3)] == [True, False, True, False]
    assert again.begin(1) == 1
    positions.begin(1)
    positions.finish(1)
    assert (positions.committed, positions.text) == (3, "")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_passed_over_and_whenever_a_reader_ends_each_offset_is_done_once(seed: int) -> None:
    chance = random.Random(seed)
    keys = [chance.choice("aaabc") for _ in range(60)]
    done: list[int] = []
    committed, text = 0, None
    while len(done) < len(keys):
        positions, open_, at = Positions.read(committed, text), set[int](), committed
        for _ in range(chance.randint(1, 40)):
            busy = {keys[offset] for offset in open_}
            for offset in range(at, min(at + 8, len(keys))):
                if not positions.is_done(offset) and offset not in open_:
                    if keys[offset] in busy:
                        positions.pass_over(offset)
                        continue
                    positions.begin(offset)
                    open_.add(offset)
                    busy.add(keys[offset])
            if open_:
                offset = chance.choice(sorted(open_))
                open_.remove(offset)
                positions.finish(offset)
                done.append(offset)
            at = positions.committed
        committed, text = positions.committed, positions.text
    assert sorted(done) == list(range(len(keys)))
    for key in "abc":
        mine = [offset for offset in done if keys[offset] == key]
        assert mine == sorted(mine)
