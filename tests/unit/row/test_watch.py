"""What the watchdog makes of what it finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.clock import rfc3339
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.row.watch import Act, Facts, Work, judge, restart_backoff

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKEW, GRACE = timedelta(seconds=30), timedelta(seconds=60)
MINE, OTHER = "hub/ebb-parity/a", "slot/ebb-parity/b"


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def facts(**changes: Any) -> Facts:
    """A schedule that runs well and sleeps until in 10 s; each change goes to the row, the instance or the watchdog."""
    row: dict[str, Any] = {
        "intent": Intent.RUNNING,
        "hub": "hub",
        "owner": MINE,
        "owner_until": at(40),
        "changed_at": at(-90_000),
    }
    said: dict[str, Any] = {"phase": "waiting", "wakes_at": at(10)}
    instance: dict[str, Any] = {"status": "Running", "updated_at": at(-20)}
    watchdog: dict[str, Any] = {"hub": "hub", "watched_since": at(-10000)}
    for name, value in changes.items():
        if name in ("work", "done_at", "watched_since"):
            watchdog[name] = value
        elif name in ("phase", "wakes_at"):
            said[name] = value
        else:
            (instance if name in ("status", "updated_at") else row)[name] = value
    custom = {"phase": said["phase"], "nextCycleAt": rfc3339(said["wakes_at"]) if said["wakes_at"] else None}
    return Facts(row=ScheduleRow("parity", **row), instance=Instance(custom=custom, **instance), **watchdog)


def ended(**changes: Any) -> Facts:
    return facts(**{"status": "Failed", "phase": None, "wakes_at": None, **changes})


def act(given: Facts) -> Act:
    return judge(given, NOW, SKEW, GRACE).act


def test_schedule_that_sleeps_as_promised_is_left_alone() -> None:
    assert act(facts()) is Act.NOTHING
    assert act(facts(owner_until=at(80_000), wakes_at=at(80_000), updated_at=at(-40_000))) is Act.NOTHING


@pytest.mark.parametrize("status", ["Completed", "Failed", "Terminated", "Canceled", None])
def test_instance_that_has_ended_is_started(status: str | None) -> None:
    judgment = judge(ended(status=status), NOW, SKEW, GRACE)
    assert judgment.act is Act.START
    assert (status or "gone") in judgment.cause


@pytest.mark.parametrize("given", [facts, ended])
def test_schedule_that_should_not_run_is_left_alone(given: Any) -> None:
    silent = {"owner_until": at(-9000), "updated_at": at(-9000)}
    assert act(given(intent=Intent.STOPPED, **silent)) is Act.NOTHING
    assert act(given(intent=Intent.PAUSED, **silent)) is Act.NOTHING
    over = given(intent=Intent.PAUSED, until=at(-1), **silent, wakes_at=at(-9000))
    assert act(over) in (Act.START, Act.REPLACE), "its pause is over"


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


def in_a_step(**changes: Any) -> Facts:
    """A schedule whose cycle asked for an activity 10 min ago, when its sleep was over, and has said nothing since."""
    asked = at(-600)
    return facts(**{"phase": "processing", "wakes_at": None, "updated_at": asked, "owner_until": at(-570), **changes})


def after(minutes: float, given: Facts) -> Act:
    return judge(given, at(-600 + 60 * minutes), SKEW, GRACE).act


@pytest.mark.parametrize("status", ["Running", "Pending", "Suspended"])
def test_step_has_the_time_that_retries_take_and_a_grace(status: str) -> None:
    never_owned = {"owner": None, "owner_until": None}
    for given in (in_a_step(status=status), in_a_step(status=status, **never_owned)):
        assert after(6.49, given) is Act.NOTHING
        assert after(6.5, given) is Act.REPLACE


def test_step_waits_for_its_turn_behind_the_executions_of_earlier_cycles() -> None:
    ahead = Work(opened_at=at(-900), until=at(0))
    assert after(10 + 6.49, in_a_step(work=(ahead,))) is Act.NOTHING
    assert after(10 + 6.5, in_a_step(work=(ahead,))) is Act.REPLACE
    unknown = Work(opened_at=None, until=at(0))
    assert after(10 + 6.49, in_a_step(work=(unknown,))) is Act.NOTHING
    ended = Work(opened_at=at(-900), until=at(-601))
    assert after(6.5, in_a_step(work=(ended,))) is Act.REPLACE


def test_step_does_not_wait_for_executions_that_were_asked_for_after_it() -> None:
    for opened, expected in ((-571, Act.NOTHING), (-570, Act.REPLACE)):  # clocks differ by 30 s
        assert after(6.5, in_a_step(work=(Work(opened_at=at(opened), until=at(9000)),))) is expected


def test_dead_instance_in_a_hub_that_is_never_idle_is_found() -> None:
    """Another schedule works all the time, in cycles of 4 min; of the first one nothing is known in its third."""
    for minutes in range(1, 12):
        began = at(-660 + 240 * ((minutes + 1) // 4))
        four = timedelta(minutes=4)
        known = (Work(began - four, began), Work(began, began + four))
        assert after(minutes, in_a_step(work=known)) is (Act.REPLACE if minutes >= 7 else Act.NOTHING), minutes


def test_sleeper_does_not_wait_for_a_turn() -> None:
    silent = {"owner_until": at(-91), "wakes_at": at(-121), "updated_at": at(-200)}
    assert act(facts(**silent, work=(Work(at(-900), at(900)),))) is Act.REPLACE


def test_suspended_sleeper_is_a_silent_one_in_time() -> None:
    silent = {"owner_until": at(-91), "wakes_at": at(-121), "updated_at": at(-200)}
    assert act(facts(**silent, status="Suspended")) is Act.REPLACE


def test_another_task_hub_is_never_fought() -> None:
    assert act(ended(owner=OTHER)) is Act.NOTHING
    assert act(ended(owner=OTHER, owner_until=at(-29))) is Act.NOTHING
    assert act(ended(owner=OTHER, owner_until=at(-30))) is Act.START, "its lease is over and the schedule is ours"
    assert act(ended(owner=OTHER, owner_until=at(-9000), hub="slot")) is Act.NOTHING
    assert act(ended(owner=None, hub="slot")) is Act.NOTHING
    assert act(ended(owner=None, hub=None)) is Act.START


def test_schedule_that_keeps_dying_is_started_ever_more_rarely() -> None:
    assert [restart_backoff(count).total_seconds() for count in (0, 1, 2, 3, 7, 100)] == [0, 60, 120, 240, 3600, 3600]
    assert act(ended(restarts=2, restarted_at=at(-119))) is Act.NOTHING
    assert act(ended(restarts=2, restarted_at=at(-120))) is Act.START


def test_count_of_starts_begins_anew_after_a_calm_time() -> None:
    assert act(facts(restarts=2, restarted_at=at(-239))) is Act.NOTHING
    assert act(facts(restarts=2, restarted_at=at(-240))) is Act.CALM


@pytest.mark.parametrize("intent", [Intent.RUNNING, Intent.STOPPED])
def test_command_that_a_sleeper_has_not_seen_is_repeated(intent: Intent) -> None:
    unseen = {"changed_at": at(-20), "updated_at": at(-21), "intent": intent}
    assert act(facts(**unseen)) is Act.NUDGE
    assert act(facts(**{**unseen, "changed_at": at(-19), "updated_at": at(-21)})) is Act.NOTHING
    assert act(facts(**{**unseen, "updated_at": at(-19)})) is Act.NOTHING
    assert act(facts(**unseen, phase="processing")) is Act.NOTHING
    assert act(ended(**unseen)) is (Act.START if intent is Intent.RUNNING else Act.NOTHING)


IN_A_CYCLE: dict[str, Any] = {
    "phase": "processing",
    "wakes_at": None,
    "owner_until": at(1800),
    "updated_at": at(-31),
    "done_at": at(-31),
    "work": (Work(at(-60), at(1800), "parity"),),  # its own promise, which is over once its executions have ended
}


def test_answer_that_was_lost_is_found_soon_after_the_executions_have_ended() -> None:
    judgment = judge(facts(**IN_A_CYCLE), NOW, SKEW, GRACE)
    assert judgment.act is Act.REPLACE
    assert "not told" in judgment.cause


@pytest.mark.parametrize("later", ["updated_at", "done_at", "changed_at", "restarted_at", "watched_since"])
def test_answer_is_given_time_on_its_way(later: str) -> None:
    assert act(facts(**{**IN_A_CYCLE, later: at(-29)})) is not Act.REPLACE


def test_answer_is_not_missed_while_executions_work_or_the_instance_sleeps() -> None:
    assert act(facts(**{**IN_A_CYCLE, "done_at": None})) is Act.NOTHING
    assert act(facts(**{**IN_A_CYCLE, "phase": "waiting", "wakes_at": at(600)})) is Act.NOTHING


IN_A_STEP: dict[str, Any] = {  # its opening is written, and the instance still waits for it
    "phase": "measuring",
    "cycle_for": 0,
    "wakes_at": None,
    "owner_until": at(1800),
    "updated_at": at(-61),
    "checked_in_at": at(-60),
    "work": (Work(at(-90), at(1800), "other"),),
}


def test_answer_of_a_step_that_is_written_is_missed_soon() -> None:
    assert act(facts(**IN_A_STEP)) is Act.REPLACE
    assert act(facts(**{**IN_A_STEP, "checked_in_at": at(-59)})) is Act.NOTHING
    for later in ("changed_at", "restarted_at", "watched_since"):
        assert act(facts(**{**IN_A_STEP, later: at(-59)})) is not Act.REPLACE, later


def test_what_was_written_before_the_instance_went_on_is_no_answer_to_its_step() -> None:
    assert act(facts(**{**IN_A_STEP, "checked_in_at": at(-62)})) is Act.NOTHING
    assert act(facts(**{**IN_A_STEP, "cycle_for": None})) is Act.NOTHING
    assert act(facts(**{**IN_A_STEP, "phase": "waiting", "wakes_at": at(600)})) is Act.NOTHING
    assert act(facts(**{**IN_A_STEP, "owner": OTHER, "owner_until": at(-31)})) is Act.NOTHING


def test_close_that_waits_behind_executions_of_others_is_given_their_time() -> None:
    others = Work(at(-90), at(5), "other")
    assert act(facts(**{**IN_A_CYCLE, "work": (*IN_A_CYCLE["work"], others)})) is Act.NOTHING
