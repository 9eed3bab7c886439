"""Active windows: which span is open or next, over midnight, side by side, and where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.core.calendar.windows import DAY_NAMES, Window, next_open, parse_days, parse_minutes

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(range(7))


def window(days: str, start: str, end: str) -> Window:
    return Window(frozenset(DAY_NAMES.index(day) for day in parse_days(days)), parse_minutes(start), parse_minutes(end))


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold)


def span(now: datetime, *windows: Window) -> tuple[str, str] | None:
    found = next_open(windows, BERLIN, now)
    return None if found is None else (found[0].strftime("%a %H:%M %z"), found[1].strftime("%a %H:%M %z"))


OFFICE = window("mon-fri", "08:00", "18:00")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (berlin(2026, 1, 5, 9), ("Mon 08:00 +0100", "Mon 18:00 +0100")),
        (berlin(2026, 1, 5, 8), ("Mon 08:00 +0100", "Mon 18:00 +0100")),  # the start is inside
        (berlin(2026, 1, 5, 18), ("Tue 08:00 +0100", "Tue 18:00 +0100")),  # the end is outside
        (berlin(2026, 1, 5, 7, 59), ("Mon 08:00 +0100", "Mon 18:00 +0100")),
        (berlin(2026, 1, 9, 18), ("Mon 08:00 +0100", "Mon 18:00 +0100")),  # over the weekend
    ],
)
def test_open_or_next_span(now: datetime, expected: tuple[str, str]) -> None:
    assert span(now, OFFICE) == expected


def test_window_over_midnight_belongs_to_the_day_it_opens() -> None:
    night = window("fri", "22:00", "06:00")
    assert span(berlin(2026, 1, 10, 3), night) == ("Fri 22:00 +0100", "Sat 06:00 +0100")
    assert span(berlin(2026, 1, 10, 6), night) == ("Fri 22:00 +0100", "Sat 06:00 +0100")  # the next week's
    assert span(berlin(2026, 1, 9, 3), night) == ("Fri 22:00 +0100", "Sat 06:00 +0100")


def test_windows_that_touch_or_overlap_are_one_span() -> None:
    touching = window("daily", "08:00", "12:00"), window("daily", "12:00", "14:00"), window("mon", "09:00", "16:00")
    assert span(berlin(2026, 1, 5, 8), *touching) == ("Mon 08:00 +0100", "Mon 16:00 +0100")
    assert span(berlin(2026, 1, 6, 8), *touching) == ("Tue 08:00 +0100", "Tue 14:00 +0100")


def test_start_in_the_gap_is_its_end() -> None:
    assert span(berlin(2026, 3, 29, 0), window("sun", "02:30", "05:00")) == ("Sun 03:00 +0200", "Sun 05:00 +0200")


def test_window_inside_the_gap_does_not_open_that_day() -> None:
    short = window("daily", "02:10", "02:50")
    assert span(berlin(2026, 3, 29, 0), short) == ("Mon 02:10 +0200", "Mon 02:50 +0200")


def test_window_in_the_repeated_hour_opens_at_the_first_and_closes_at_the_last() -> None:
    assert span(berlin(2026, 10, 25, 0), window("sun", "02:30", "05:00")) == ("Sun 02:30 +0200", "Sun 05:00 +0100")
    assert span(berlin(2026, 10, 25, 0), window("sun", "01:00", "02:30")) == ("Sun 01:00 +0200", "Sun 02:30 +0100")


def test_no_window_opens_never() -> None:
    assert next_open((), BERLIN, berlin(2026, 1, 5)) is None


@given(
    st.integers(0, 365 * 86_400),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_span_is_open_now_or_later_and_ends_after_now(second: int, days: frozenset[int], start: int, end: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    if start == end:
        return
    found = next_open([Window(days, start, end)], BERLIN, now)
    assert found is not None
    assert found[1] > now
    assert found[0] < found[1]
    assert found[0] - now < timedelta(days=9)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("mon-fri", ["mon", "tue", "wed", "thu", "fri"]),
        ("fri-mon", ["mon", "fri", "sat", "sun"]),
        ("sat, sun", ["sat", "sun"]),
        (["Sun", "mon"], ["mon", "sun"]),
        ("daily", list(DAY_NAMES)),
    ],
)
def test_days_are_read_in_every_form(given_: object, expected: list[str]) -> None:
    assert parse_days(given_) == expected


@pytest.mark.parametrize("given_", ["monday", "mon-", "", 5])
def test_strange_days_are_refused(given_: object) -> None:
    with pytest.raises(ValueError, match="day"):
        parse_days(given_)


@pytest.mark.parametrize("text", ["8", "8:5", "24:01", "10:60", "ab:cd", "-1:00", ""])
def test_strange_times_of_day_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        parse_minutes(text)
