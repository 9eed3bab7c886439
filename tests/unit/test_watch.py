"""What the watchdog makes of what it finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scheduler.watch import Act, Facts, backoff, judge

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKEW, GRACE = timedelta(seconds=30), timedelta(seconds=60)
MINE, OTHER = "hub/ebb-parity/a", "slot/ebb-parity/b"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def facts(**changes: Any) -> Facts:
    """A schedule that runs well and sleeps until in 10 s."""
    base: dict[str, Any] = {
        "instance": "hub/ebb-parity",
        "should_run": True,
        "home": "hub",
        "owner": MINE,
        "owner_until": at(40),
        "starting_until": None,
        "changed_at": at(-90_000),
        "restarts": 0,
        "restarted_at": None,
        "status": "Running",
        "is_live": True,
        "is_waiting": True,
        "updated_at": at(-20),
        "wakes_at": at(10),
        "watched_since": at(-10000),
    }
    return Facts(**{**base, **changes})


def ended(**changes: Any) -> Facts:
    return facts(**{"status": "Failed", "is_live": False, "is_waiting": False, "wakes_at": None, **changes})


def act(given: Facts) -> Act:
    return judge(given, NOW, SKEW, GRACE).act


def test_schedule_that_sleeps_as_promised_is_left_alone() -> None:
    assert act(facts()) is Act.NOTHING
    assert act(facts(owner_until=at(80_000), wakes_at=at(80_000), updated_at=at(-40_000))) is Act.NOTHING


@pytest.mark.parametrize("status", ["Completed", "Failed", "Terminated", "Canceled", None])
def test_instance_that_has_ended_is_started(status: str | None) -> None:
    finding = judge(ended(status=status), NOW, SKEW, GRACE)
    assert finding.act is Act.START
    assert (status or "gone") in finding.cause


@pytest.mark.parametrize("given", [facts, ended])
def test_schedule_that_should_not_run_is_left_alone(given: Any) -> None:
    assert act(given(should_run=False, owner_until=at(-9000), updated_at=at(-9000))) is Act.NOTHING


def test_instance_just_being_started_is_waited_for() -> None:
    assert act(ended(status=None, starting_until=at(1))) is Act.NOTHING
    assert act(ended(status=None, starting_until=at(-29))) is Act.NOTHING
    assert act(ended(status=None, starting_until=at(-30))) is Act.START


def test_silence_counts_from_the_last_promise_and_a_grace() -> None:
    silent = {"owner_until": at(-91), "wakes_at": at(-121), "updated_at": at(-200)}
    assert act(facts(**silent)) is Act.REPLACE
    for later in ("owner_until", "wakes_at", "updated_at", "changed_at", "restarted_at", "starting_until"):
        assert act(facts(**{**silent, later: at(-89)})) is not Act.REPLACE, later


def test_silence_while_nobody_watched_is_no_silence() -> None:
    silent = {"owner_until": at(-5000), "wakes_at": at(-5000), "updated_at": at(-6000)}
    assert act(facts(**silent, watched_since=at(-89))) is Act.NOTHING
    assert act(facts(**silent, watched_since=at(-90))) is Act.REPLACE


def test_suspended_and_pending_instances_are_silent_ones_in_time() -> None:
    old = {"owner": None, "owner_until": None, "wakes_at": None, "is_waiting": False, "updated_at": at(-90)}
    assert act(facts(**old, status="Suspended")) is Act.REPLACE
    assert act(facts(**old, status="Pending")) is Act.REPLACE


def test_another_task_hub_is_never_fought() -> None:
    assert act(ended(owner=OTHER)) is Act.NOTHING
    assert act(ended(owner=OTHER, owner_until=at(-29))) is Act.NOTHING
    assert act(ended(owner=OTHER, owner_until=at(-30))) is Act.START, "its lease is over and the schedule is ours"
    assert act(ended(owner=OTHER, owner_until=at(-9000), home="slot")) is Act.NOTHING
    assert act(ended(owner=None, home="slot")) is Act.NOTHING
    assert act(ended(owner=None, home=None)) is Act.START


def test_schedule_that_keeps_dying_is_started_ever_more_rarely() -> None:
    assert [backoff(count).total_seconds() for count in (0, 1, 2, 3, 7, 100)] == [0, 60, 120, 240, 3600, 3600]
    assert act(ended(restarts=2, restarted_at=at(-119))) is Act.NOTHING
    assert act(ended(restarts=2, restarted_at=at(-120))) is Act.START


def test_count_of_starts_begins_anew_after_a_calm_time() -> None:
    assert act(facts(restarts=2, restarted_at=at(-239))) is Act.NOTHING
    assert act(facts(restarts=2, restarted_at=at(-240))) is Act.CALM


@pytest.mark.parametrize("should_run", [True, False])
def test_command_that_a_sleeper_has_not_seen_is_repeated(should_run: bool) -> None:
    unseen = {"changed_at": at(-20), "updated_at": at(-21), "should_run": should_run}
    assert act(facts(**unseen)) is Act.NUDGE
    assert act(facts(**{**unseen, "changed_at": at(-19), "updated_at": at(-21)})) is Act.NOTHING
    assert act(facts(**{**unseen, "updated_at": at(-19)})) is Act.NOTHING
    assert act(facts(**unseen, is_waiting=False)) is Act.NOTHING
    assert act(ended(**unseen)) is (Act.START if should_run else Act.NOTHING)
