"""What a cycle does as it opens: due or not, inside its windows, at its end, with one source or several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.carry import Carry
from ebb.core.planning.agenda import (
    Agenda,
    Count,
    Now,
    after_failing,
    after_measuring,
    backlog_of,
    before_measuring,
    worth_acting_on,
)
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday
TWO: list[dict[str, Any]] = [
    {"type": "memory", "queueName": "orders"},
    {"type": "memory", "queueName": "mails", "queueLength": 1, "activationQueueLength": 2},
]


def settings(**more: Any) -> ScheduleSettings:
    base: dict[str, Any] = {"handler": "a:b", "pollingInterval": 3600}
    if "sources" not in more:
        base["source"] = {"type": "tick"}
    return validate_settings({**base, **more})


def early(made: ScheduleSettings, carry: Carry | None = None, **now: Any) -> Agenda | None:
    return before_measuring(made, carry or Carry(), Now(**{"time": NOON, **now}))


CRON = {"waitMode": "cron", "cron": "30 * * * *"}


def test_after_completion_is_always_due() -> None:
    assert early(settings()) is None


def test_cron_does_not_run_when_it_is_started_but_at_its_first_tick() -> None:
    agenda = early(settings(**CRON))
    assert agenda is not None
    assert (agenda.decision.executions, agenda.wait.seconds) == (0, 1800)
    assert early(settings(**CRON), agenda.carry, time=NOON + timedelta(minutes=30)) is None


@pytest.mark.parametrize("microseconds", [0, 1, 999_999])
def test_fixed_rate_runs_when_it_is_started(microseconds: int) -> None:
    assert early(settings(waitMode="fixedRate"), time=NOON + timedelta(microseconds=microseconds)) is None


@pytest.mark.parametrize("mode", [{"waitMode": "fixedRate"}, CRON])
def test_cycle_that_is_woken_early_goes_on_waiting_for_its_tick(mode: dict[str, Any]) -> None:
    carry = Carry().started(NOON - timedelta(minutes=30)).planned(NOON + timedelta(minutes=30))
    agenda = early(settings(**mode), carry)
    assert agenda is not None
    assert agenda.wait.end(NOON) == NOON + timedelta(minutes=30)
    assert agenda.carry.due_at == NOON + timedelta(minutes=30)


def test_cycle_that_an_operator_asks_for_runs_at_once() -> None:
    assert early(settings(**CRON), triggered=True) is None


def test_cycle_runs_when_its_timer_is_a_little_early() -> None:
    carry = Carry().started(NOON - timedelta(hours=1)).planned(NOON)
    assert early(settings(waitMode="fixedRate"), carry, time=NOON - timedelta(milliseconds=900)) is None
    assert early(settings(waitMode="fixedRate"), carry, time=NOON - timedelta(milliseconds=1100)) is not None


def test_tick_that_was_due_while_paused_is_not_made_up() -> None:
    carry = Carry().started(NOON - timedelta(minutes=90)).planned(None)
    agenda = early(settings(waitMode="fixedRate"), carry)
    assert agenda is not None
    assert agenda.wait.seconds == 1800


def test_new_expression_counts_at_the_next_wake_up() -> None:
    carry = Carry().started(NOON).planned(NOON + timedelta(days=3))
    agenda = early(settings(**CRON), carry)
    assert agenda is not None
    assert agenda.wait.seconds == 1800


def test_outside_the_windows_nothing_is_measured() -> None:
    made = settings(windows=[{"days": "mon-fri", "start": "13:00", "end": "18:00"}])
    for triggered in (False, True):
        agenda = early(made, triggered=triggered)
        assert agenda is not None
        assert agenda.decision.reason == "outside the windows until Mon 2026-01-05 13:00 UTC"
        assert agenda.decision.limited_by == "windows"
    assert early(made, time=NOON + timedelta(hours=1)) is None


def test_slice_ends_with_the_window() -> None:
    made = settings(windows=[{"start": "08:00", "end": "12:00"}])
    agenda = after_measuring(made, Carry(), Now(NOON - timedelta(seconds=12)), [Count(1, periodic=True)])
    assert agenda.settings.execution_slice == 12


def test_schedule_that_has_reached_its_end_says_so() -> None:
    agenda = early(settings(endAfter="2 cycles"), Carry(worked=2))
    assert agenda is not None
    assert agenda.end == "endAfter: 2 cycles with work are done"


def test_measurement_that_fails_is_tried_again_before_the_next_tick() -> None:
    agenda = after_failing(settings(**CRON, pollingInterval=30), Carry(), Now(NOON), "gone")
    assert agenda.decision.reason == "not measured: gone"
    assert agenda.wait.seconds == 30
    assert agenda.carry.due_at == NOON + timedelta(seconds=30)


def test_idle_cycle_backs_off_and_learns_the_arrivals() -> None:
    made = settings(pollingInterval=30)
    first = after_measuring(made, Carry(), Now(NOON), [Count(0)])
    second = after_measuring(made, first.carry, Now(NOON + timedelta(seconds=30), idle=1), [Count(60)])
    assert first.wait.seconds == 30
    assert second.carry.arrivals == 2.0


def test_drain_time_uses_what_was_learned() -> None:
    made = settings(source={"type": "memory"}, scalingStrategy="drainTime", drainTarget=60)
    agenda = after_measuring(made, replace(Carry(), message_seconds=3.0), Now(NOON), [Count(100)])
    assert agenda.decision.executions == 5


def test_several_sources_share_the_executions() -> None:
    made = settings(sources=TWO, multipleScalersCalculation="sum")
    agenda = after_measuring(made, Carry(), Now(NOON, cycle=1), [Count(30), Count(3)])
    assert agenda.decision.executions == 9
    assert agenda.shares == (0, 0, 0, 0, 0, 0, 1, 1, 1)


def test_source_that_was_not_measured_is_left_out_and_named() -> None:
    made = settings(sources=TWO)
    counts = [Count(30), Count(0, error="127.0.0.1:1 cannot be reached")]
    agenda = after_measuring(made, Carry(), Now(NOON), counts)
    assert agenda.decision.reason.endswith("; left out, not measured: mails (127.0.0.1:1 cannot be reached)")
    assert set(agenda.shares) == {0}
    document = backlog_of(made, counts, NOON).to_document()
    assert document["count"] == 30
    assert document["sources"][1] == {
        "name": "mails",
        "count": None,
        "error": "127.0.0.1:1 cannot be reached",
    }


def test_what_is_left_counts_by_source_and_without_periodic_messages() -> None:
    made = settings(sources=TWO)
    assert worth_acting_on(made, [Count(4), Count(2)]) == 4
    assert worth_acting_on(made, [Count(0), Count(3)]) == 3
    assert worth_acting_on(settings(), [Count(1, periodic=True)]) == 0


@pytest.mark.parametrize(("backlog", "batch"), [(12, 4), (1, 1), (160, 16), (0, 16)])
def test_no_batch_is_larger_than_the_share_of_an_execution(backlog: int, batch: int) -> None:
    made = settings(source={"type": "memory"}, maxExecutions=3)
    assert after_measuring(made, Carry(), Now(NOON), [Count(backlog)]).settings.batch_size == batch
