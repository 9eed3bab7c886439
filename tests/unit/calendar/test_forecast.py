"""When a schedule fires next, across windows and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ebb.core.calendar.forecast import FireTime, fire_times
from ebb.core.settings.validation import validate_settings

BASE = {"source": {"type": "tick"}, "handler": "handlers.noop:handle"}
NOW = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)  # the day before Europe goes to summer time
OFFICE = [{"days": "mon-fri", "start": "08:00", "end": "18:00"}]


def fires(
    count: int, now: datetime = NOW, following: tuple[datetime, str] | None = None, **settings: Any
) -> list[FireTime]:
    return fire_times(validate_settings({**BASE, **settings}), now, count, began=None, following=following)


def test_nightly_job_across_the_change_of_the_clocks_keeps_its_hour_and_says_so() -> None:
    found = fires(3, waitMode="cron", cron="30 2 * * *", timeZone="Europe/Berlin")
    assert [each.told().to_document()["local"] for each in found] == [
        "Sun 2026-03-29 03:00 Europe/Berlin",  # 02:30 does not exist
        "Mon 2026-03-30 02:30 Europe/Berlin",
        "Tue 2026-03-31 02:30 Europe/Berlin",
    ]
    assert [each.note for each in found] == ["the clocks go forward by 60 min before it, to UTC+02:00", None, None]
    assert {each.reason for each in found} == {"cron 30 2 * * *"}


def test_clocks_that_go_back_are_told_too() -> None:
    autumn = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    found = fires(2, autumn, waitMode="cron", cron="0 12 * * *", timeZone="America/St_Johns")
    assert [each.note for each in found] == [None, None]
    found = fires(9, autumn, waitMode="cron", cron="0 12 * * *", timeZone="America/St_Johns")
    assert [each.note for each in found if each.note] == ["the clocks go back by 60 min before it, to UTC-03:30"]


def test_ticks_of_a_fixed_rate_are_those_inside_the_windows() -> None:
    found = fires(3, waitMode="fixedRate", pollingInterval="6h", windows=OFFICE, timeZone="Europe/Berlin")
    assert [each.told().to_document()["at"] for each in found] == [
        "2026-03-30T06:00:00.000Z",
        "2026-03-30T12:00:00.000Z",
        "2026-03-31T06:00:00.000Z",
    ]


def test_first_time_of_a_schedule_that_polls_is_its_present_wait_and_the_others_are_assumed() -> None:
    following = NOW + timedelta(seconds=20), "no message waits any more; polling in 30 s"
    found = fires(4, following=following, source={"type": "memory"}, pollingInterval=30, maxPollingInterval=100)
    assert [(each.at - NOW).total_seconds() for each in found] == [20, 50, 110, 210]
    assert found[0].reason == following[1]
    assert found[2].reason == "60 s after the one before, if that finds nothing to do"


def test_cycle_that_brings_its_own_work_is_never_said_to_find_none() -> None:
    found = fires(2, source={"type": "tick"}, pollingInterval=30, maxPollingInterval=30)
    assert found[1].reason == "30 s after the one before, as if that took no time"


def test_poll_outside_the_windows_waits_for_the_next_one_to_open() -> None:
    found = fires(2, source={"type": "memory"}, windows=OFFICE, pollingInterval="1h", maxPollingInterval="1h")
    assert [(each.told().to_document()["local"], each.reason) for each in found] == [
        ("Mon 2026-03-30 08:00 UTC", "a window opens"),
        ("Mon 2026-03-30 09:00 UTC", "60 min after the one before, if that finds nothing to do"),
    ]


@pytest.mark.parametrize(("end", "count"), [("1h", 3), (None, 5)])
def test_nothing_fires_after_the_end_of_the_schedule(end: str | None, count: int) -> None:
    more = {"endAfter": end} if end else {}
    assert len(fires(5, waitMode="fixedRate", pollingInterval="30m", **more)) == count
