"""Executions whose handlers still run are taken off the maximum, until they end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ebb.core.carry import Carry
from ebb.core.planning.agenda import Agenda, Count, Now, after_measuring
from ebb.core.settings.validation import validate_settings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def agenda(abandoned: int, messages: int = 100, **settings: Any) -> Agenda:
    source = {"type": "memory"}
    made = validate_settings({"source": source, "handler": "handlers.noop:handle", "maxExecutions": 3, **settings})
    now = Now(NOW, idle=4, abandoned=abandoned)
    return after_measuring(made, Carry(abandoned=7), now, [Count(messages)])


def test_they_are_taken_off_the_maximum_and_the_reason_says_so() -> None:
    assert agenda(0).decision.executions == 3
    found = agenda(2)
    assert (found.decision.executions, found.decision.limited_by) == (1, "maxExecutions")
    assert "2 executions of earlier cycles have handlers that still run: 1 of maxExecutions 3 are free" in (
        found.decision.reason
    )
    assert found.carry.abandoned == 2


def test_nothing_begins_where_none_is_left_and_the_wait_stays_short() -> None:
    for abandoned in (3, 8):
        found = agenda(abandoned, minExecutions=2, pollingInterval=7)
        assert (found.decision.executions, found.decision.code) == (0, "abandoned")
        assert "isolation: process" in found.decision.reason
        assert found.wait.seconds == 7


def test_the_floor_gives_way() -> None:
    assert agenda(2, messages=0, minExecutions=3).decision.executions == 1


def test_none_left_is_forgotten() -> None:
    assert agenda(0).carry.abandoned == 0
