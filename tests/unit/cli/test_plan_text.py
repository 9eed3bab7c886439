"""What `ebb plan` says of when: never "now" while something stands before that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebb.cli.operate.pages import plan_text
from ebb.core.plan import KeyLimits, Plan
from tests.unit.cli.screens_of import PLAN, TIMES

WAITING = Plan.from_document(PLAN)


@pytest.mark.parametrize(
    ("plan", "phase", "said"),
    [
        (WAITING, "waiting", "next cycle in 21 s ("),
        (WAITING, None, "next cycle in 21 s ("),
        (WAITING, "processing", "next cycle after the one at work; with the backlog of now it would have"),
        (
            replace(WAITING, blocked_by="paused: the bank is closed"),
            "waiting",
            "held back: paused: the bank is closed\nno cycle begins until that ends; one that began now would have",
        ),
        (replace(WAITING, blocked_by="stopped"), None, "held back: stopped\nno cycle begins until that ends"),
    ],
)
def test_plan_says_when_the_next_cycle_really_comes(plan: Plan, phase: str | None, said: str) -> None:
    assert plan_text(plan, TIMES, phase).startswith(said)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            KeyLimits(concurrency=1, rate=10.0, one_key_seconds=50.0),
            "of each key at most 1 at once and 10/s (perKey); were all of one key, they would take 50 s at least",
        ),
        (KeyLimits(concurrency=4), "of each key at most 4 at once (perKey)"),
    ],
)
def test_plan_says_what_a_key_may(limits: KeyLimits, said: str) -> None:
    assert said in plan_text(replace(WAITING, per_key=limits), TIMES).splitlines()
