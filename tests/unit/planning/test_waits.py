"""How long a schedule waits, and the sentence it gives: modes, back-off, missed ticks, jitter, windows, the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.core.calendar.ticks import Moment
from ebb.core.decision import Wait
from ebb.core.planning.waits import ended, error_wait, next_wait, outside_windows
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.settings.validation import validate_settings

ONE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday
HOUR = timedelta(hours=1)
DOCUMENTED = (Path(__file__).parents[3] / "docs" / "planning.md").read_text(encoding="utf-8")


def settings(**more: Any) -> ScheduleSettings:
    base: dict[str, Any] = {"source": {"type": "memory"}, "handler": "a:b", "pollingInterval": 30}
    slow = {} if "pollingInterval" in more else {"maxPollingInterval": 300}
    return validate_settings({**base, **slow, **more})


def hourly(mode: str = "fixedRate", **more: Any) -> ScheduleSettings:
    extra = {"cron": "0 * * * *"} if mode == "cron" else {}
    return settings(source={"type": "tick"}, pollingInterval=3600, waitMode=mode, **extra, **more)


def after(work: timedelta, begin: datetime = ONE, **more: Any) -> Moment:
    return Moment(begin + work, opened=begin, due=begin, began=ONE, worked=1, seed="job/1", **more)


def start_after(made: ScheduleSettings, work: timedelta, begin: datetime = ONE) -> datetime:
    moment = after(work, begin)
    return next_wait(made, received=1, worked=True, moment=moment).end(moment.now)


@pytest.mark.parametrize(
    ("given_", "seconds", "reason", "code"),
    [
        ({"idle_cycles": 1}, 30, "1 idle cycle in a row; polling again in 30 s", "idle"),
        ({"idle_cycles": 3}, 120, "3 idle cycles in a row; polling again in 2 min", "idle"),
        (
            {"idle_cycles": 9},
            300,
            "9 idle cycles in a row; polling again in 5 min, held by maxPollingInterval",
            "idle",
        ),
        ({"received": 4}, 30, "no message waits any more; polling in 30 s", "drained"),
        ({"received": 4, "remaining": 0}, 30, "no message waits any more; polling in 30 s", "drained"),
        (
            {"received": 4, "remaining": 9},
            0,
            "9 messages still waiting; the next cycle begins at once",
            "backlogRemains",
        ),
        (
            {"received": 0, "remaining": 9, "idle_cycles": 2},
            60,
            "2 idle cycles in a row; polling again in 60 s",
            "idle",
        ),
        ({"error_cycles": 1}, 30, "1 cycle in a row failed; trying again in 30 s", "afterError"),
        ({"error_cycles": 3, "received": 5, "remaining": 5}, 120, "3 cycles in a row failed", "afterError"),
    ],
)
def test_wait_after_completion(given_: dict[str, Any], seconds: float, reason: str, code: str) -> None:
    for moment in (None, Moment(ONE)):
        wait = next_wait(settings(), **given_, moment=moment)
        assert (wait.seconds, wait.code) == (seconds, code)
        assert wait.reason.startswith(reason)


def test_error_back_off_is_held_at_the_cap() -> None:
    assert error_wait(50).seconds == 300
    assert error_wait(50).limited_by == "maxPollingInterval"


def test_half_an_hour_of_work_each_hour_after_completion() -> None:
    made, starts = hourly("afterCompletion"), [ONE]
    for _ in range(2):
        starts.append(start_after(made, HOUR / 2, starts[-1]))
    assert [f"{start:%H:%M}" for start in starts] == ["01:00", "02:30", "04:00"]


@pytest.mark.parametrize("mode", ["fixedRate", "cron"])
def test_half_an_hour_of_work_each_hour_by_ticks(mode: str) -> None:
    made, starts = hourly(mode), [ONE]
    for _ in range(2):
        starts.append(start_after(made, HOUR / 2, starts[-1]))
    assert [f"{start:%H:%M}" for start in starts] == ["01:00", "02:00", "03:00"]


@pytest.mark.parametrize("mode", ["fixedRate", "cron"])
@pytest.mark.parametrize(
    ("work", "start", "missed"),
    [
        (timedelta(minutes=59), "02:00", 0),
        (timedelta(minutes=60), "02:00", 0),  # ends just as the next tick comes
        (timedelta(minutes=61), "03:00", 1),
        (timedelta(minutes=150), "04:00", 2),
        (timedelta(minutes=180), "04:00", 2),
    ],
)
def test_ticks_missed_while_working_are_counted_and_skipped(
    mode: str, work: timedelta, start: str, missed: int
) -> None:
    moment = after(work)
    wait = next_wait(hourly(mode), received=1, worked=True, moment=moment)
    assert f"{wait.end(moment.now):%H:%M}" == start
    assert wait.missed == missed
    assert ("passed while the work went on" in wait.reason) == bool(missed)


def test_fixed_rate_stays_aligned_to_the_first_start() -> None:
    made = settings(waitMode="fixedRate", pollingInterval=100)
    moment = Moment(ONE + timedelta(seconds=1234.5), opened=ONE + timedelta(seconds=1200), began=ONE)
    wait = next_wait(made, received=1, worked=True, moment=moment)
    assert wait.end(moment.now) == ONE + timedelta(seconds=1300)
    assert wait.reason == "next tick of fixedRate (every 100 s) at Mon 2026-01-05 01:21:40 UTC"


def test_tick_is_not_used_twice_when_a_timer_fires_a_little_early() -> None:
    begin = ONE + 2 * HOUR
    moment = Moment(
        begin - timedelta(milliseconds=400), opened=begin - timedelta(milliseconds=500), due=begin, began=ONE
    )
    for made in (hourly(), hourly("cron")):
        assert next_wait(made, received=1, worked=True, moment=moment).end(moment.now) == begin + HOUR


def test_cycle_that_was_asked_for_leaves_the_ticks_as_they_were() -> None:
    begin = ONE + timedelta(minutes=20)
    moment = Moment(begin + timedelta(minutes=10), opened=begin, due=ONE + HOUR, began=ONE)
    for made in (hourly(), hourly("cron")):
        wait = next_wait(made, received=1, worked=True, moment=moment)
        assert (wait.end(moment.now), wait.missed) == (ONE + HOUR, 0)


def test_backlog_that_remains_goes_on_at_once_by_ticks_too() -> None:
    made = settings(waitMode="cron", cron="0 2 * * *")
    wait = next_wait(made, received=5, remaining=7, worked=True, moment=after(timedelta(seconds=30)))
    assert (wait.seconds, wait.code) == (0, "backlogRemains")


def test_tick_that_passes_while_a_backlog_is_worked_off_is_missed_once() -> None:
    begin = ONE + timedelta(minutes=59, seconds=45)
    wait = next_wait(hourly(), received=5, remaining=7, worked=True, moment=after(timedelta(seconds=30), begin))
    assert wait.missed == 1
    following = after(timedelta(seconds=30), begin + timedelta(seconds=30))
    assert next_wait(hourly(), received=5, worked=True, moment=following).missed == 0


def test_error_before_the_work_is_tried_again_before_the_next_tick() -> None:
    made = settings(waitMode="cron", cron="0 2 * * *")
    wait = next_wait(made, error_cycles=2, moment=after(timedelta(0)))
    assert wait.code == "afterError"
    assert 48 <= wait.seconds <= 60
    late = Moment(ONE + timedelta(minutes=59, seconds=50), began=ONE)
    assert next_wait(made, error_cycles=2, moment=late).code == "cron"


def test_work_that_failed_waits_for_its_next_tick() -> None:
    made = settings(waitMode="cron", cron="0 2 * * *")
    wait = next_wait(made, error_cycles=1, worked=True, received=1, moment=after(timedelta(minutes=5)))
    assert (wait.seconds, wait.code) == (55 * 60, "cron")


def test_cron_follows_its_time_zone() -> None:
    made = settings(waitMode="cron", cron="0 2 * * *", timeZone="Europe/Berlin")
    wait = next_wait(made, worked=True, received=1, moment=after(timedelta(minutes=5)))
    assert wait.reason == "next tick of cron (0 2 * * *) at Tue 2026-01-06 02:00 Europe/Berlin"


def test_jitter_differs_between_cycles_and_repeats_for_one() -> None:
    made = settings(jitter=20)
    found = {next_wait(made, moment=Moment(ONE, seed=f"job/{cycle}")).seconds for cycle in range(50)}
    assert len(found) > 40
    assert all(30 <= seconds <= 50 for seconds in found)
    again = next_wait(made, moment=Moment(ONE, seed="job/7"))
    assert again == next_wait(made, moment=Moment(ONE, seed="job/7"))
    assert "of jitter" in again.reason


def test_jitter_delays_ticks_without_moving_them() -> None:
    made = hourly(jitter=600)
    begin = ONE
    for number in range(1, 6):
        begin = start_after(made, HOUR / 2, begin)
        assert timedelta(0) <= begin - (ONE + number * HOUR) <= timedelta(minutes=10)


OFFICE = [{"days": "mon-fri", "start": "08:00", "end": "18:00"}]


def test_wait_that_ends_outside_the_windows_lasts_until_the_next_opens() -> None:
    made = settings(windows=OFFICE, timeZone="Europe/Berlin")
    moment = Moment(datetime(2026, 1, 9, 16, 59, 50, tzinfo=UTC))  # ten seconds before the weekend in Berlin
    wait = next_wait(made, moment=moment)
    assert wait.end(moment.now) == datetime(2026, 1, 12, 7, tzinfo=UTC)
    assert wait.reason == "outside the windows until Mon 2026-01-12 08:00 Europe/Berlin"
    assert wait.limited_by == "windows"


def test_backlog_at_the_end_of_a_window_waits_for_the_next() -> None:
    made = settings(windows=OFFICE)
    moment = after(timedelta(minutes=1), datetime(2026, 1, 5, 17, 59, tzinfo=UTC))
    wait = next_wait(made, received=5, remaining=7, moment=moment)
    assert wait.end(moment.now) == datetime(2026, 1, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize("mode", ["fixedRate", "cron"])
def test_ticks_outside_the_windows_are_neither_used_nor_missed(mode: str) -> None:
    begin = datetime(2026, 1, 5, 17, tzinfo=UTC)
    moment = Moment(begin + HOUR / 2, opened=begin, due=begin, began=ONE)
    wait = next_wait(hourly(mode, windows=OFFICE), received=1, worked=True, moment=moment)
    assert wait.end(moment.now) == datetime(2026, 1, 6, 8, tzinfo=UTC)
    assert wait.missed == 0


def test_schedule_whose_ticks_never_meet_a_window_runs_as_each_window_opens() -> None:
    made = settings(waitMode="fixedRate", pollingInterval=86_400, windows=OFFICE)
    wait = next_wait(made, moment=after(HOUR))
    assert (wait.code, wait.end(ONE).hour, wait.end(ONE).day) == ("noTick", 8, 5)
    inside = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
    assert next_wait(made, moment=Moment(inside, began=ONE)).end(inside).day == 6


def test_closed_says_until_when() -> None:
    made = settings(windows=OFFICE)
    assert outside_windows(made, datetime(2026, 1, 5, 8, tzinfo=UTC)) is None
    night = outside_windows(made, datetime(2026, 1, 5, 18, tzinfo=UTC))
    assert night is not None
    assert night.seconds == 14 * 3600


def test_schedule_ends_after_its_cycles() -> None:
    made = settings(endAfter="3 cycles")
    assert ended(made, ONE, 2, ONE) is None
    assert ended(made, ONE, 3, ONE) == "endAfter: 3 cycles with work are done"
    wait = next_wait(made, received=1, remaining=50, moment=Moment(ONE, began=ONE, worked=3))
    assert (wait.seconds, wait.code, wait.limited_by) == (0, "ended", "endAfter")


def test_schedule_ends_after_its_time_and_waits_no_longer() -> None:
    made = settings(endAfter="01:00:00")
    wait = next_wait(made, moment=Moment(ONE + timedelta(minutes=59, seconds=50), began=ONE))
    assert (wait.seconds, wait.code) == (10, "ending")
    assert ended(made, ONE, 0, ONE + HOUR) == "endAfter: 60 min since its start are over"


def test_ticks_without_a_moment_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="need to know when"):
        next_wait(hourly())


@given(
    st.sampled_from(["afterCompletion", "fixedRate", "cron"]),
    st.integers(0, 10**6),
    st.integers(0, 10**5),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 20),
)
def test_wait_stays_within_its_limits(
    mode: str, second: int, work: int, idle: int, errors: int, remaining: int
) -> None:
    made = hourly(mode, jitter=60, windows=OFFICE, maxPollingInterval=7200)
    begin = ONE + timedelta(seconds=second)
    moment = replace(after(timedelta(seconds=work), begin), seed=f"job/{second}")
    wait = next_wait(
        made, received=remaining, remaining=remaining, idle_cycles=idle, error_cycles=errors, worked=True, moment=moment
    )
    end = wait.end(moment.now)
    assert end >= moment.now
    assert end - moment.now <= timedelta(days=3, hours=2)
    assert wait.missed >= 0
    # A tick that lies inside a window starts late by its jitter; everything else starts inside one.
    latest = timedelta(seconds=60) if wait.code == mode else timedelta(0)
    assert outside_windows(made, end) is None or outside_windows(made, end - latest) is None
    assert wait == Wait.from_json({**_fields(wait), "future": 1})
    assert f"`{wait.code}`" in DOCUMENTED


def _fields(wait: Wait) -> dict[str, Any]:
    return {name: getattr(wait, name) for name in ("seconds", "reason", "code", "limited_by", "until", "missed")}


@pytest.mark.parametrize("mode", ["fixedRate", "cron"])
def test_frequent_ticks_find_a_window_that_opens_once_a_week(mode: str) -> None:
    windows = [{"days": "mon", "start": "00:59", "end": "01:05"}]
    extra = {"cron": "* * * * *"} if mode == "cron" else {}
    made = settings(waitMode=mode, pollingInterval=60, windows=windows, **extra)
    begin = ONE + timedelta(minutes=4)
    moment = Moment(begin + timedelta(seconds=30), opened=begin, due=begin, began=ONE)
    wait = next_wait(made, received=1, worked=True, moment=moment)
    assert wait.end(moment.now) == ONE + timedelta(days=7, minutes=-1)
    assert wait.missed == 0
