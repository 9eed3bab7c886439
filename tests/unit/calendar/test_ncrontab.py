"""The grammar of NCrontab field by field, and what Ebb makes of six fields."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from ebb.core.calendar.cron import check_cron, cron_ticks
from ebb.core.calendar.ncrontab import parse_six_fields

SECOND, HOUR, DAY, MONTH, WEEKDAY = 0, 2, 3, 4, 5

# field, text, numbers; read off NCrontab's CrontabFieldImpl.Parse and CrontabField.Accumulate
READ = [
    (SECOND, "*", range(60)),
    (SECOND, "7", [7]),
    (SECOND, "007", [7]),
    (SECOND, "0,30", [0, 30]),
    (SECOND, "30,0,30", [0, 30]),
    (SECOND, "*/20", [0, 20, 40]),
    (SECOND, "*/0", range(60)),
    (SECOND, "*/-3", range(60)),
    (SECOND, "*/90", [0]),
    (SECOND, "*/+30", [0, 30]),
    (SECOND, "*/30\t", [0, 30]),
    (SECOND, "*/2147483647", [0]),
    (SECOND, "5,*", range(60)),
    (SECOND, "59/1", [59]),
    (SECOND, "50/5", [50, 55]),
    (SECOND, "10-20/5", [10, 15, 20]),
    (SECOND, "20-10/5", [10, 15, 20]),
    (SECOND, "5-5", [5]),
    (HOUR, "22-2", range(2, 23)),
    (HOUR, "8-10,14", [8, 9, 10, 14]),
    (DAY, "*/10", [1, 11, 21, 31]),
    (DAY, "25/3", [25, 28, 31]),
    (MONTH, "*", range(1, 13)),
    (MONTH, "jan", [1]),
    (MONTH, "j", [1]),
    (MONTH, "ju", [6]),
    (MONTH, "JUL", [7]),
    (MONTH, "September", [9]),
    (MONTH, "mar-may", [3, 4, 5]),
    (MONTH, "m", [3]),
    (WEEKDAY, "SUN", [0]),
    (WEEKDAY, "s", [0]),
    (WEEKDAY, "sa", [6]),
    (WEEKDAY, "mon-FRI", [1, 2, 3, 4, 5]),
    (WEEKDAY, "fri-mon", [1, 2, 3, 4, 5]),
    (WEEKDAY, "Monday/2", [1, 3, 5]),
    (WEEKDAY, "0,6", [0, 6]),
]
REFUSED = [
    (SECOND, "60"), (SECOND, "-1"), (SECOND, ""), (SECOND, "1,,2"), (SECOND, ",1"), (SECOND, "/5"), (SECOND, "*/"),
    (SECOND, "*/x"), (SECOND, "1,"), (SECOND, "*/2147483648"), (SECOND, "\u0665"), (SECOND, "5\u00a0"),
    (SECOND, "+5"), (SECOND, "*\u00a0"), (SECOND, "*/15/2"), (WEEKDAY, "*\n"),
    (SECOND, "1-"), (SECOND, "1-2-3"), (SECOND, "**"), (SECOND, "?"), (HOUR, "24"), (DAY, "0"),
    (DAY, "32"), (DAY, "L"), (DAY, "15W"), (DAY, "?"), (MONTH, "0"), (MONTH, "13"), (MONTH, "january1"),
    (WEEKDAY, "7"), (WEEKDAY, "5L"), (WEEKDAY, "1#2"), (WEEKDAY, "sundays"), (WEEKDAY, "mondays-fri"),
]  # fmt: skip


def expression(field: int, text: str) -> str:
    fields = ["*"] * 6
    fields[field] = text
    return " ".join(fields)


@pytest.mark.parametrize(("field", "text", "numbers"), READ)
def test_field_is_read_as_by_ncrontab(field: int, text: str, numbers: range | list[int]) -> None:
    assert parse_six_fields(expression(field, text))[field] == tuple(numbers)


@pytest.mark.parametrize(("field", "text"), [(field, text) for field, text in REFUSED if text])
def test_what_ncrontab_does_not_know_is_refused(field: int, text: str) -> None:
    with pytest.raises(ValueError, match=r"it must be|a step of"):
        parse_six_fields(expression(field, text))


@pytest.mark.parametrize("text", ["* * * * *", "* * * * * * *", "", "0 0 12 1 * ? *", "0\t* * * * *"])
def test_other_counts_of_fields_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not six"):
        parse_six_fields(text)


# expression, the first four days on which it comes after 31 January 2026
DAYS = [
    ("0 0 0 1-7 * SUN", ["01.02", "01.03", "05.04", "03.05"]),  # the first Sunday of a month
    ("0 0 0 13 * fri", ["13.02", "13.03", "13.11", "13.08"]),
    ("0 0 0 * * MON", ["02.02", "09.02", "16.02", "23.02"]),
    ("0 0 0 29 2 *", ["29.02", "29.02", "29.02", "29.02"]),
    ("0 0 0 1 1,7 mon-fri", ["01.07", "01.01", "01.07", "01.01"]),
    # five fields are classic cron: either of the two days will do
    ("0 0 1-7 * SUN", ["01.02", "02.02", "03.02", "04.02"]),
    ("0 0 13 * fri", ["06.02", "13.02", "20.02", "27.02"]),
    ("0 0 * * 7", ["01.02", "08.02", "15.02", "22.02"]),
]


@pytest.mark.parametrize(("text", "days"), DAYS)
def test_both_days_must_match_in_six_fields_and_either_in_five(text: str, days: list[str]) -> None:
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert [f"{tick:%d.%m}" for tick in islice(cron_ticks(text, ZoneInfo("UTC"), start), 4)] == days


PACIFIC, BERLIN = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin")

# expression, zone, from when, and the times; those of 2018 are the ones that CronScheduleTests.cs asserts
CLOCK_CHANGES = [
    ("0 30 * * * *", PACIFIC, datetime(2018, 3, 11, tzinfo=PACIFIC),
     ["11 00:30 -0800", "11 01:30 -0800", "11 03:30 -0700", "11 04:30 -0700", "11 05:30 -0700"]),
    ("0 30 1 * * *", PACIFIC, datetime(2018, 3, 10, tzinfo=PACIFIC),
     ["10 01:30 -0800", "11 01:30 -0800", "12 01:30 -0700", "13 01:30 -0700", "14 01:30 -0700"]),
    ("0 */20 * * * *", PACIFIC, datetime(2018, 11, 4, 0, 30, tzinfo=PACIFIC),
     ["04 00:40 -0700", "04 01:00 -0700", "04 01:20 -0700", "04 01:40 -0700", "04 01:00 -0800", "04 01:20 -0800",
      "04 01:40 -0800", "04 02:00 -0800", "04 02:20 -0800"]),
    ("0 30 * * * *", PACIFIC, datetime(2018, 11, 4, tzinfo=PACIFIC),
     ["04 00:30 -0700", "04 01:30 -0700", "04 01:30 -0800", "04 02:30 -0800", "04 03:30 -0800"]),
    ("0 30 1 * * *", PACIFIC, datetime(2018, 11, 3, tzinfo=PACIFIC),
     ["03 01:30 -0700", "04 01:30 -0700", "05 01:30 -0800", "06 01:30 -0800", "07 01:30 -0800"]),
    ("0 30 1 * * *", PACIFIC, datetime(2018, 11, 4, 1, 29, fold=1, tzinfo=PACIFIC), ["05 01:30 -0800"]),
    ("0 30 1,12 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC),
     ["29 01:30 +0100", "29 12:30 +0200", "30 01:30 +0200"]),
    ("0 30 2 * * *", BERLIN, datetime(2026, 3, 28, tzinfo=BERLIN),
     ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"]),
    ("0 0,30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=BERLIN),
     ["29 03:00 +0200", "30 02:00 +0200", "30 02:30 +0200"]),
    ("0 0,30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=BERLIN),
     ["25 02:00 +0200", "25 02:30 +0200", "26 02:00 +0100"]),
    ("0 30 1-3 * * *", BERLIN, datetime(2026, 10, 25, tzinfo=BERLIN),
     ["25 01:30 +0200", "25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"]),
    ("0 30 1,3 * * *", BERLIN, datetime(2026, 10, 25, tzinfo=BERLIN), ["25 01:30 +0200", "25 03:30 +0100"]),
    ("0 0 2 * * SUN", BERLIN, datetime(2026, 10, 24, tzinfo=BERLIN), ["25 02:00 +0200", "01 02:00 +0100"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "zone", "start", "times"), CLOCK_CHANGES)
def test_six_fields_follow_the_timer_trigger_where_clocks_change(
    text: str, zone: ZoneInfo, start: datetime, times: list[str]
) -> None:
    ticks = islice(cron_ticks(text, zone, start), len(times))
    assert [f"{tick:%d %H:%M %z}" for tick in ticks] == times


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("0 0 0 30 2 *", "never comes"), ("0 0 0 L * *", "'L' for the day of month"), ("61 * * * * *", "0 to 59")],
)
def test_settings_say_what_is_wrong_with_six_fields(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_cron(text)
