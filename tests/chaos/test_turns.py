"""The checker of turns finds a schedule that runs out of its turn, in histories made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.turns import out_of_turn


def cycle(
    number: int, began: int, ended: int, *, processed: int = 5, code: str = "drained", **more: Any
) -> dict[str, Any]:
    at = "2026-11-27T00:00:{:02}+00:00".format
    times = {"cycle": number, "startedAt": at(began), "endedAt": at(ended)}
    return {**times, "executions": [{}], "processed": processed, "outcome": "succeeded", "wait": {"code": code}, **more}


FIRST = [cycle(1, 1, 5), cycle(4, 20, 25)]


def test_a_turn_after_each_drain_is_right() -> None:
    assert out_of_turn(FIRST, [cycle(1, 6, 9), cycle(2, 26, 28)]) == []
    assert out_of_turn(FIRST, [cycle(2, 26, 28), cycle(1, 6, 9)]) == [], "newest first, as the history is given"


def test_what_a_turn_leaves_behind_need_not_wait_again() -> None:
    assert out_of_turn(FIRST, [cycle(1, 6, 9, code="backlogRemains"), cycle(2, 9, 12)]) == []
    assert out_of_turn(FIRST, [cycle(1, 6, 9, outcome="lostHost"), cycle(2, 9, 12)]) == []
    assert out_of_turn(FIRST, [cycle(1, 6, 9, closedBy="the watchdog"), cycle(2, 9, 12)]) == []


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ([cycle(1, 3, 9)], "cycle 1 began while cycle 1 of the other was at work"),
        ([cycle(1, 0, 1)], "cycle 1 began although the other has not drained since the turn before"),
        ([cycle(1, 6, 9), cycle(2, 10, 12)], "cycle 2 began although the other has not drained since the turn before"),
    ],
)
def test_a_turn_too_many_is_found(second: list[dict[str, Any]], told: str) -> None:
    assert told in out_of_turn(FIRST, second)


def test_a_cycle_that_did_nothing_is_no_drain_and_no_turn() -> None:
    nothing = cycle(4, 20, 25, processed=0)
    assert out_of_turn([FIRST[0], nothing], [cycle(1, 6, 9), cycle(2, 26, 28)]) != []
    assert out_of_turn(FIRST, [cycle(1, 6, 9), {**cycle(2, 10, 11), "executions": []}]) == []
