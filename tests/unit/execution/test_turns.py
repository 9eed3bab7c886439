"""Handlers by themselves and handlers together, over all executions of a process."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ebb.execution.turns import HandlerTurns


class Wanting:
    """Wants one turn after the other, and keeps each until told to leave."""

    def __init__(self, turns: HandlerTurns, wants: list[bool]) -> None:
        self.turns, self.wants, self.held = turns, wants, list[bool]()

    def begin(self) -> None:
        while self.wants and self.turns.enter(self.wants[0], self.begin):
            self.held.append(self.wants.pop(0))

    def leave(self) -> None:
        self.turns.leave(self.held.pop(0))
        self.begin()


@given(st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_one_by_itself_is_by_itself_and_everybody_gets_a_turn(wants: list[list[bool]], random: object) -> None:
    turns = HandlerTurns()
    executions = [Wanting(turns, each) for each in wants]
    for each in executions:
        each.begin()
    for _ in range(1000):
        held = [alone for each in executions for alone in each.held]
        assert not any(held) or len(held) == 1, held
        busy = [each for each in executions if each.held]
        if not busy:
            break
        random.choice(busy).leave()
    assert all(not each.wants for each in executions), "nobody waits for ever"


def test_who_waits_alone_comes_before_those_that_come_later_and_may_leave_the_line() -> None:
    turns, woken = HandlerTurns(), list[str]()
    assert turns.enter(False, lambda: None)

    def alone() -> None:
        woken.append("alone")

    def other() -> None:
        woken.append("other")

    assert not turns.enter(True, alone)
    assert not turns.enter(False, other)
    turns.forget(alone)
    assert woken == ["other"]
    assert turns.enter(False, other)
