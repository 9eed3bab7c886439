"""Cron times: in agreement with a second implementation, and defined where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from ebb.core.calendar.cron import check_cron, cron_ticks

BERLIN = ZoneInfo("Europe/Berlin")
UTC_ZONE = ZoneInfo("UTC")


def local(expression: str, after: datetime, count: int = 3, zone: ZoneInfo = BERLIN) -> list[str]:
    return [tick.strftime("%m-%d %H:%M %z") for tick in islice(cron_ticks(expression, zone, after), count)]


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold)


minute = st.one_of(st.just("*"), st.integers(0, 59).map(str), st.integers(1, 59).map(lambda step: f"*/{step}"))
hour = st.one_of(st.just("*"), st.integers(0, 23).map(str), st.tuples(st.integers(0, 11), st.integers(12, 23)).map(
    lambda pair: f"{pair[0]}-{pair[1]}"
))  # fmt: skip
# A day of month and a weekday together mean "or" in one tool and "and" in another: one of them is always free here.
days = st.one_of(
    st.just(("*", "*")),
    st.integers(1, 28).map(lambda day: (str(day), "*")),
    st.lists(st.integers(0, 6), min_size=1, max_size=3).map(lambda found: ("*", ",".join(map(str, found)))),
)
month = st.one_of(st.just("*"), st.integers(1, 12).map(str), st.just("3,6,9,12"))
moments = st.integers(0, 5 * 365 * 86_400).map(lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(0, second))


@settings(max_examples=300, deadline=None)
@given(minute, hour, days, month, moments)
def test_next_times_agree_with_a_second_implementation(
    minute: str, hour: str, days: tuple[str, str], month: str, after: datetime
) -> None:
    expression = f"{minute} {hour} {days[0]} {month} {days[1]}"
    other = croniter(expression, after)
    expected = [other.get_next(datetime) for _ in range(5)]
    assert list(islice(cron_ticks(expression, UTC_ZONE, after), 5)) == expected


@settings(max_examples=200, deadline=None)
@given(minute, hour, days, moments, st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]))
def test_times_grow_strictly_and_match_the_local_clock(
    minute: str, hour: str, days: tuple[str, str], after: datetime, zone: str
) -> None:
    ticks = list(islice(cron_ticks(f"{minute} {hour} {days[0]} * {days[1]}", ZoneInfo(zone), after), 8))
    instants = [tick.astimezone(UTC) for tick in ticks]
    assert all(later > earlier for earlier, later in zip([after, *instants], instants, strict=False))
    if days[1] != "*":
        assert {str(tick.isoweekday() % 7) for tick in ticks} <= set(days[1].split(","))


def test_time_itself_is_not_after_it() -> None:
    assert local("0 2 * * *", berlin(2026, 1, 1, 2), 1) == ["01-02 02:00 +0100"]
    assert local("0 2 * * *", berlin(2026, 1, 1, 1, 59, 59), 1) == ["01-01 02:00 +0100"]


def test_fixed_time_in_the_gap_runs_at_its_end() -> None:
    found = local("30 2 * * *", berlin(2026, 3, 28, 12))
    assert found == ["03-29 03:00 +0200", "03-30 02:30 +0200", "03-31 02:30 +0200"]


def test_two_times_in_the_gap_are_one_run() -> None:
    assert local("0,30 2 * * *", berlin(2026, 3, 28, 12), 2) == ["03-29 03:00 +0200", "03-30 02:00 +0200"]


def test_fixed_time_that_comes_twice_runs_once() -> None:
    found = local("30 2 * * *", berlin(2026, 10, 24, 12))
    assert found == ["10-25 02:30 +0200", "10-26 02:30 +0100", "10-27 02:30 +0100"]


def test_fixed_time_is_not_repeated_after_its_first_occurrence() -> None:
    assert local("30 2 * * *", berlin(2026, 10, 25, 2, 10, fold=1), 1) == ["10-26 02:30 +0100"]


def test_wildcard_follows_real_time_through_both_changes() -> None:
    gap = local("*/30 * * * *", berlin(2026, 3, 29, 1, 30), 2)
    assert gap == ["03-29 03:00 +0200", "03-29 03:30 +0200"]
    repeat = local("*/30 * * * *", berlin(2026, 10, 25, 1, 45), 4)
    assert repeat == ["10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 02:00 +0100", "10-25 02:30 +0100"]


def test_six_fields_begin_with_the_second() -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = list(islice(cron_ticks("*/20 * * * * *", UTC_ZONE, after), 3))
    assert [tick - after for tick in ticks] == [timedelta(seconds=seconds) for seconds in (20, 40, 60)]


@pytest.mark.parametrize(
    "expression", ["61 * * * *", "* * *", "", "0 0 30 2 *", "a b c d e", "0 2 * * * * *", "@daily"]
)
def test_impossible_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"cron expression|never comes"):
        check_cron(expression)


def test_leap_day_is_possible() -> None:
    check_cron("0 0 29 2 *")
    assert local("0 0 29 2 *", berlin(2026, 1, 1), 1) == ["02-29 00:00 +0100"]
