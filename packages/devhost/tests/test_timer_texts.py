"""Timer schedules as NCrontab and .NET's TimeSpan read them, by tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from devhost.errors import AppError, SettingsError
from devhost.ncrontab import read_crontab
from devhost.schedules import NEVER, parse_schedule, time_zone
from devhost.time_spans import read_time_span

START = datetime(2026, 1, 31, 12, 0, 0)  # noqa: DTZ001  (NCRONTAB knows no zones); a Saturday


def _times(text: str, count: int = 3) -> list[str]:
    crontab, moment, found = read_crontab(text), START, []
    for _ in range(count):
        following = crontab.after(moment)
        if following is None:
            break
        moment = following
        found.append(f"{moment:%Y-%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("0 */5 * * * *", ["2026-01-31 12:05:00", "2026-01-31 12:10:00", "2026-01-31 12:15:00"]),
        ("*/5 * * * *", ["2026-01-31 12:05:00", "2026-01-31 12:10:00", "2026-01-31 12:15:00"]),
        ("* * * * * *", ["2026-01-31 12:00:01", "2026-01-31 12:00:02", "2026-01-31 12:00:03"]),
        ("0 0 0 1-7 * SUN", ["2026-02-01 00:00:00", "2026-03-01 00:00:00", "2026-04-05 00:00:00"]),
        ("0 0 0 1-7 * 0", ["2026-02-01 00:00:00", "2026-03-01 00:00:00", "2026-04-05 00:00:00"]),
        ("0 0 9 * * Mon-Fri", ["2026-02-02 09:00:00", "2026-02-03 09:00:00", "2026-02-04 09:00:00"]),
        ("0 0 9 * * 1-5", ["2026-02-02 09:00:00", "2026-02-03 09:00:00", "2026-02-04 09:00:00"]),
        ("0 0 9 * * 5-1", ["2026-02-02 09:00:00", "2026-02-03 09:00:00", "2026-02-04 09:00:00"]),  # turned round: 1-5
        ("0 0 9 * * monday", ["2026-02-02 09:00:00", "2026-02-09 09:00:00", "2026-02-16 09:00:00"]),
        ("0 0 9 * * m", ["2026-02-02 09:00:00", "2026-02-09 09:00:00", "2026-02-16 09:00:00"]),
        ("0 0 9 * * T", ["2026-02-03 09:00:00", "2026-02-10 09:00:00", "2026-02-17 09:00:00"]),
        ("0 0 0 1 J *", ["2027-01-01 00:00:00", "2028-01-01 00:00:00", "2029-01-01 00:00:00"]),  # January before June
        ("0 0 0 1 Jun,Sep *", ["2026-06-01 00:00:00", "2026-09-01 00:00:00", "2027-06-01 00:00:00"]),
        ("0 0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00", "2036-02-29 00:00:00"]),
        ("0 30 5/6 * * *", ["2026-01-31 17:30:00", "2026-01-31 23:30:00", "2026-02-01 05:30:00"]),
        ("0 0 8-18/5 * * *", ["2026-01-31 13:00:00", "2026-01-31 18:00:00", "2026-02-01 08:00:00"]),
        ("0 0 */0 * * *", ["2026-01-31 13:00:00", "2026-01-31 14:00:00", "2026-01-31 15:00:00"]),  # a step below 1 is 1
        ("15,45 0 12 * * *", ["2026-01-31 12:00:15", "2026-01-31 12:00:45", "2026-02-01 12:00:15"]),
        ("*/+30 0 12 * * *", ["2026-01-31 12:00:30", "2026-02-01 12:00:00", "2026-02-01 12:00:30"]),
        ("*/2147483647 0 13 * * *", ["2026-01-31 13:00:00", "2026-02-01 13:00:00", "2026-02-02 13:00:00"]),
        ("5-5/5,0 0 13 * * *", ["2026-01-31 13:00:00", "2026-01-31 13:00:05", "2026-02-01 13:00:00"]),
        ("*/30\t 0 13 * * *", ["2026-01-31 13:00:00", "2026-01-31 13:00:30", "2026-02-01 13:00:00"]),
        ("0 0 0 * * 0000005", ["2026-02-06 00:00:00", "2026-02-13 00:00:00", "2026-02-20 00:00:00"]),
        ("0 0 0 31 * *", ["2026-03-31 00:00:00", "2026-05-31 00:00:00", "2026-07-31 00:00:00"]),
        ("  0   0 0 * * 6  ", ["2026-02-07 00:00:00", "2026-02-14 00:00:00", "2026-02-21 00:00:00"]),
        ("0 0 0 29 2 1", ["2044-02-29 00:00:00"]),
        ("0 0 0 30 2 *", []),
    ],
)
def test_crontab_gives_the_times_of_ncrontab(text: str, times: list[str]) -> None:
    assert _times(text)[: len(times) or None] == times


@pytest.mark.parametrize(
    "text",
    [
        "0 0 0 ? * *",
        "0 0 0 L * *",
        "0 0 0 15W * *",
        "0 0 0 * * 5#2",
        "0 0 0 * * 7",
        "0 0 0 * * SUNNY",
        "0 0 0 0 * *",
        "0 0 0 32 * *",
        "0 0 0 * 13 *",
        "0 0 0 * 0 *",
        "60 * * * * *",
        "* 60 * * * *",
        "* * 24 * * *",
        "0 0 0 * * MON-",
        "0 0 0 * * -5",
        "@daily",
        "* * * *",
        "* * * * * * *",
        "a * * * * *",
        "0 0 0 1/ * *",
        "0 0 0 /2 * *",
        "0 0 0 1-2-3 * *",
        "0 0 0 ,5 * *",
        "1.5 * * * * *",
        "0,,30 * * * * *",
        "30, * * * * *",
        "*/2147483648 * * * * *",
        "0\t* * * * *",
        "0 0 0 * * *\n",
        "\u0665 * * * * *",
        "5\u00a0 * * * * *",
        "+5 * * * * *",
        "*/15/2 * * * * *",
    ],
)
def test_what_ncrontab_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(AppError, match=r"cannot be read|must have five or six fields"):
        parse_schedule(text, {}, UTC)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("00:05:00", timedelta(minutes=5)),
        ("0:5:0", timedelta(minutes=5)),
        ("00:05", timedelta(minutes=5)),
        ("1", timedelta(days=1)),
        ("  30 ", timedelta(days=30)),
        ("-1", timedelta(days=-1)),
        ("0", timedelta()),
        ("24:00:00", timedelta(days=24)),
        ("25:00:00", timedelta(days=25)),
        ("23:59:59", timedelta(0, 86399)),
        ("48:12:30", timedelta(days=48, hours=12, minutes=30)),
        ("25:00:00:00", timedelta(days=25)),
        ("1.00:00:00", timedelta(days=1)),
        ("6.12:14", timedelta(days=6, hours=12, minutes=14)),
        ("6:12:14:45", timedelta(days=6, hours=12, minutes=14, seconds=45)),
        ("6.12:14:45.3448", timedelta(days=6, hours=12, minutes=14, seconds=45, microseconds=344800)),
        ("00:00:00.5", timedelta(milliseconds=500)),
        ("-00:30:00", timedelta(minutes=-30)),
        ("00:00:00.1234567", timedelta(microseconds=123456)),
        ("10675199", timedelta(days=10675199)),
        ("1:2:3", timedelta(hours=1, minutes=2, seconds=3)),
        ("1:2:.5", timedelta(hours=1, minutes=2, milliseconds=500)),
        ("1.2:3:.5", timedelta(days=1, hours=2, minutes=3, milliseconds=500)),
        ("1:2:3:.5", timedelta(days=1, hours=2, minutes=3, milliseconds=500)),
        ("0:0:000000001", timedelta(seconds=1)),
        ("00000000000000000:0:1", timedelta(seconds=1)),
        ("0:0:0.09999999", timedelta(milliseconds=100)),
        ("0:0:0.012345678", timedelta(microseconds=12345)),
        ("0:0:0.0000000001", timedelta()),
        ("10675199.02:48:05.4775807", timedelta(10675199, 10085, 477580)),
        ("-10675199.02:48:05.4775808", -timedelta(10675199, 10085, 477580)),
        ("\u00a000:05:00\t", timedelta(minutes=5)),
    ],
)
def test_time_span_is_read_as_by_dotnet(text: str, span: timedelta) -> None:
    assert read_time_span(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "24:00",
        "00:60",
        "00:00:60",
        "24:60:00",
        "24:24:00.5",
        "25:00:00.5",
        "1.24:00:00",
        "1.00:60:00",
        "1:24:00:00",
        "5m",
        "",
        ":",
        "1:2:3:4:5",
        "1.2.3",
        "00:00:00.12345678",
        "10675200",
        "1.",
        ".5",
        "1 00:00:00",
        "--1",
        "+1",
        "00-05-00",
        "P1D",
        "1d",
        "10675199.02:48:05.4775808",
        "0:0:0.0999999999",
        "0:0:268435456",
        "\uff10:0:1",
        "00 :05:00",
        "0:0:.9.",
        "- 00:05:00",
        "0,0:0:1",
    ],
)
def test_what_dotnet_refuses_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a time span"):
        read_time_span(text)


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("UTC", "Etc/UTC"),
        ("GMT Standard Time", "Europe/London"),
        ("India Standard Time", "Asia/Kolkata"),
        ("UTC-11", "Etc/GMT+11"),
        ("Central European Standard Time", "Europe/Warsaw"),
        ("romance standard time", "Europe/Paris"),
        ("AUS Eastern Standard Time", "Australia/Sydney"),
        ("Nepal Standard Time", "Asia/Kathmandu"),
        ("China Standard Time", "Asia/Shanghai"),
        ("E. South America Standard Time", "America/Sao_Paulo"),
        ("FLE Standard Time", "Europe/Kyiv"),
        ("Newfoundland Standard Time", "America/St_Johns"),
        ("Lord Howe Standard Time", "Australia/Lord_Howe"),
        ("Line Islands Standard Time", "Pacific/Kiritimati"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("America/New_York", "America/New_York"),
    ],
)
def test_zone_of_either_kind_of_name(name: str, zone: str, caplog: pytest.LogCaptureFixture) -> None:
    assert time_zone({"WEBSITE_TIME_ZONE": name}) == ZoneInfo(zone)
    warned = f"on Linux Azure does not know it and runs timers in UTC; write {zone}" in caplog.text
    assert warned is (name not in (zone, "UTC"))


PACIFIC, BERLIN = ZoneInfo("America/Los_Angeles"), ZoneInfo("Europe/Berlin")

# expression, zone, from when (local), and the times; those of 2018 are the ones that CronScheduleTests.cs asserts
CLOCK_CHANGES: list[tuple[str, ZoneInfo, datetime, list[str]]] = [
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
    ("0 30 2 * * *", BERLIN, datetime(2026, 3, 28, tzinfo=BERLIN),  # there is no half past two on the 29th
     ["28 02:30 +0100", "29 03:30 +0200", "30 02:30 +0200"]),
    ("30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=BERLIN), ["29 03:30 +0200", "30 02:30 +0200"]),
    ("0 0,30 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=BERLIN),
     ["29 03:00 +0200", "30 02:00 +0200", "30 02:30 +0200"]),
    ("0 0,30 2 * * *", BERLIN, datetime(2026, 10, 24, 12, tzinfo=BERLIN),
     ["25 02:00 +0200", "25 02:30 +0200", "26 02:00 +0100"]),
    ("0 30 1-3 * * *", BERLIN, datetime(2026, 10, 25, tzinfo=BERLIN),  # hours in a row: an interval
     ["25 01:30 +0200", "25 02:30 +0200", "25 02:30 +0100", "25 03:30 +0100"]),
    ("0 30 1,3 * * *", BERLIN, datetime(2026, 10, 25, tzinfo=BERLIN), ["25 01:30 +0200", "25 03:30 +0100"]),
    ("0 0 2 * * SUN", BERLIN, datetime(2026, 10, 24, tzinfo=BERLIN), ["25 02:00 +0200", "01 02:00 +0100"]),
    ("*/30 * * * *", BERLIN, datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN), ["29 03:00 +0200", "29 03:30 +0200"]),
    ("00:30:00", BERLIN, datetime(2026, 10, 25, 2, 45, tzinfo=BERLIN), ["25 02:15 +0100", "25 02:45 +0100"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "zone", "start", "times"), CLOCK_CHANGES)
def test_times_where_clocks_change_are_those_of_the_timer_extension(
    text: str, zone: ZoneInfo, start: datetime, times: list[str]
) -> None:
    following, moment, found = parse_schedule(text, {}, zone), start.astimezone(UTC), []
    for _ in times:
        moment = following(moment)
        found.append(f"{moment.astimezone(zone):%d %H:%M %z}")
    assert found == times


@pytest.mark.parametrize(
    ("text", "is_frequent"),
    [
        ("* * * * * *", True), ("*/10 * * * * *", True), ("0,30 * * * * *", True), ("0 * * * * *", False),
        ("* * * * *", False), ("*/30 0 * * * *", False), ("* * * * 1-11 *", False), ("* * 0-23 * * 0-6", True),
        ("00:00:59", True), ("00:01:00", False),
    ],
)  # fmt: skip
def test_schedule_that_comes_more_than_once_a_minute_is_not_remembered(text: str, is_frequent: bool) -> None:
    assert parse_schedule(text, {}, UTC).is_frequent is is_frequent


def test_schedule_without_a_next_time_says_never() -> None:
    following = parse_schedule("0 0 0 30 2 *", {}, UTC)
    assert following(datetime(2026, 1, 1, tzinfo=UTC)) == NEVER == following(NEVER)
