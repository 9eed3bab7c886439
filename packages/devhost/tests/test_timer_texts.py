"""Timer schedules as NCrontab and .NET's TimeSpan read them, by tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
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
        ("0,,30 0 12 * * *", ["2026-01-31 12:00:30", "2026-02-01 12:00:00", "2026-02-01 12:00:30"]),
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


def test_times_follow_the_zone_over_a_change_of_the_clock() -> None:
    following = parse_schedule("0 30 2 * * *", {}, ZoneInfo("Europe/Berlin"))
    moment, found = datetime(2026, 3, 28, 0, 0, tzinfo=UTC), []
    for _ in range(3):
        moment = following(moment)
        found.append(moment.isoformat()[:16])
    assert found == [
        "2026-03-28T01:30",
        "2026-03-30T00:30",
        "2026-03-31T00:30",
    ]  # on the 29th there is no half past two


def test_every_hour_comes_once_when_the_clock_is_put_back() -> None:
    following = parse_schedule("0 30 * * * *", {}, ZoneInfo("Europe/Berlin"))
    moment, found = datetime(2026, 10, 24, 22, 0, tzinfo=UTC), []
    for _ in range(6):
        moment = following(moment)
        found.append(moment)
    assert all(later > earlier for earlier, later in pairwise(found))


def test_schedule_without_a_next_time_says_never() -> None:
    following = parse_schedule("0 0 0 30 2 *", {}, UTC)
    assert following(datetime(2026, 1, 1, tzinfo=UTC)) == NEVER == following(NEVER)
