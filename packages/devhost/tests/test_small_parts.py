"""Timestamps, routes, schedules and versions: the pure parts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from azure.durable_functions.models.history.HistoryEvent import HistoryEvent
from croniter import croniter
from dateutil.parser import parse as dateutil_parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devhost.errors import AppError, SettingsError
from devhost.instance import Instance
from devhost.routes import compile_route
from devhost.schedules import parse_schedule, time_zone
from devhost.settings import HostSettings, read_time_span
from devhost.timestamps import parse_like_dateutil, read, speed_up_sdk, stamp
from devhost.versions import compare, is_runnable

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (hypothesis wants limits without a zone)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # however busy the machine is
@given(MOMENTS)
def test_quick_reading_of_stamps_equals_dateutil_zone_included(moment: datetime) -> None:
    text = stamp(moment)
    quick, slow = parse_like_dateutil(text), dateutil_parse(text)
    assert quick == slow == moment
    assert quick.tzinfo == slow.tzinfo
    assert type(quick.tzinfo) is type(slow.tzinfo)
    assert quick.isoformat() == slow.isoformat()
    assert read(text) == moment


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01T00:00:00Z", "1 Jan 2026 10:00", "no time at all", "Thursday, 1 Jan 2026 10:00 Z"]
)
def test_other_texts_are_read_by_dateutil(text: str) -> None:
    try:
        expected: object = dateutil_parse(text)
    except ValueError as error:
        with pytest.raises(type(error)):
            parse_like_dateutil(text)
    else:
        assert parse_like_dateutil(text) == expected


def test_sdk_reads_history_with_the_quick_reader() -> None:
    speed_up_sdk()
    event = HistoryEvent(EventType=12, EventId=-1, IsPlayed=False, Timestamp="2026-01-01T00:00:00.1234567Z")
    assert event.timestamp == datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("a/{id}", "a/5", {"id": "5"}),
        ("a/{id}", "A/x%20y", {"id": "x y"}),
        ("a/{id}", "a", None),
        ("a/{id?}", "a", {}),
        ("a/{id?}", "a/5", {"id": "5"}),
        ("a/{id=7}", "a", {"id": "7"}),
        ("a/{*rest}", "a/b/c", {"rest": "b/c"}),
        ("a/{*rest}", "a", {}),
        ("a/{id:int}/b", "a/12/b", {"id": "12"}),
        ("a/{id:int}/b", "a/12x/b", None),
        ("a/{id:int:min(5)}", "a/4", None),
        ("a/{id:range(1,3)}", "a/3", {"id": "3"}),
        ("a/{id:length(2,3)}", "a/abcd", None),
        ("a/{id:length(2)}", "a/ab", {"id": "ab"}),
        ("a/{id:minlength(2)}", "a/b", None),
        ("a/{id:maxlength(2)}", "a/abc", None),
        ("a/{id:guid}", "a/0f8fad5b-d9cb-469f-a165-70867728950e", {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("a/{id:guid}", "a/x", None),
        ("a/{id:alpha?}", "a", {}),
        ("a/{id:alpha?}", "a/b1", None),
        ("a/{on:bool}", "a/TRUE", {"on": "TRUE"}),
        ("a/{at:datetime}", "a/2026-01-01", {"at": "2026-01-01"}),
        ("a/{x:double}", "a/1.5", {"x": "1.5"}),
        ("a/{x:long}", "a/5000000000", {"x": "5000000000"}),
        ("a/{x:int}", "a/5000000000", None),
        (r"a/{x:regex(^\d{{2}}$)}", "a/22", {"x": "22"}),
        (r"a/{x:regex(^[0-9]+$)}", "a/22", {"x": "22"}),
        ("a/{name}.{ext}", "a/file.txt", {"name": "file", "ext": "txt"}),
        ("", "", {}),
    ],
)
def test_route_templates(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert compile_route(template).match(path) == expected


@pytest.mark.parametrize("template", ["a/{id", "a/{id:nothing}", "a/{id:int(5)}"])
def test_route_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(AppError, match=r"route"):
        compile_route(template)


def test_literal_routes_come_before_parameters() -> None:
    routes = [compile_route(template) for template in ("{*all}", "a/{id}", "a/{id:int}", "a/b")]
    ordered = sorted(routes, key=lambda route: route.precedence)
    assert [route.template for route in ordered] == ["a/b", "a/{id:int}", "a/{id}", "{*all}"]


@pytest.mark.parametrize("text", ["0 */5 * * * *", "30 15 10 * * 1-5", "0 0 0 1 JAN *", "*/10 * * * * *", "15 * * * *"])
def test_schedules_agree_with_another_cron_library(text: str) -> None:
    schedule = parse_schedule(text, {}, UTC)
    moment = datetime(2026, 2, 27, 23, 59, 30, tzinfo=UTC)
    fields = text.split()
    other = croniter(" ".join(fields[-5:] + fields[:1] * (len(fields) == 6)), moment)
    for _ in range(5):
        moment = schedule(moment)
        assert moment == other.get_next(datetime)


def test_day_of_month_and_day_of_week_must_both_match() -> None:
    schedule = parse_schedule("0 0 0 13 * FRI", {}, UTC)
    assert schedule(datetime(2026, 3, 14, tzinfo=UTC)) == datetime(2026, 11, 13, tzinfo=UTC)


def test_schedule_is_read_in_its_time_zone() -> None:
    schedule = parse_schedule("0 0 9 * * *", {}, ZoneInfo("Europe/Berlin"))
    assert schedule(datetime(2026, 7, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 7, tzinfo=UTC)


def test_time_zone_comes_from_the_app_setting() -> None:
    assert time_zone({"WEBSITE_TIME_ZONE": "Europe/Berlin"}) == ZoneInfo("Europe/Berlin")
    assert time_zone({"TZ": "CET-1CEST"}) is None
    with pytest.raises(SettingsError, match="Nowhere"):
        time_zone({"WEBSITE_TIME_ZONE": "Nowhere"})


def test_schedule_can_be_a_time_span_or_an_app_setting() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_schedule("%EVERY%", {"EVERY": "00:05:00"}, UTC)(moment) == moment + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("text", "error"),
    [("0 0 0", AppError), ("0 0 25 * * *", AppError), ("00:00:00", SettingsError), ("%NOT_THERE%", SettingsError)],
)
def test_schedule_that_cannot_be_read_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_schedule(text, {}, UTC)


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:05:00", 300), ("1.00:00:00", 86400), ("00:00:01.5", 1.5), ("12:30", 45000)]
)
def test_time_spans_of_dotnet(text: str, seconds: float) -> None:
    assert read_time_span(text).total_seconds() == seconds


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [("1.2", "1.10", -1), ("1.0", "1.0", 0), ("", None, 0), (None, "1", -1), ("b", "A", 1), ("2", "1.9.9", 1)],
)
def test_versions_are_compared_by_their_parts(left: str | None, right: str | None, order: int) -> None:
    assert compare(left, right) == order


@pytest.mark.parametrize(
    ("strategy", "version", "runs"),
    [
        ("CurrentOrOlder", "1.0", True),
        ("CurrentOrOlder", "3.0", False),
        ("Strict", "1.0", False),
        ("None", "3.0", True),
    ],
)
def test_version_strategy_decides_what_runs(strategy: str, version: str, runs: bool) -> None:
    settings = HostSettings(default_version="2.0", version_match=strategy)
    instance = Instance("one", "e", "o", version, None, "", "")
    assert is_runnable(instance, settings) is runs
    assert instance.outcome is None


def test_version_failure_strategy_fail_ends_the_instance() -> None:
    settings = HostSettings(default_version="2.0", version_failure="Fail")
    instance = Instance("one", "e", "o", "3.0", None, "", "")
    assert is_runnable(instance, settings)
    assert instance.outcome is not None
    assert "'3.0' does not match the version '2.0'" in str(instance.outcome.value)
