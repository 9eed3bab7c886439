"""The zone of an app's timers as the host on Linux takes it, which is where Container Apps run; by a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.timer import timer_rule
from ebb.cli.scale_rules.trigger import Trigger

UTC = "Etc/UTC"

# app settings, the zone of the window that is offered ("": none), and what is said where there is none
ZONES: list[tuple[dict[str, str], str, str]] = [
    ({}, UTC, ""),
    ({"WEBSITE_TIME_ZONE": "Europe/Berlin"}, "Europe/Berlin", ""),
    ({"WEBSITE_TIME_ZONE": "America/Argentina/Buenos_Aires"}, "America/Argentina/Buenos_Aires", ""),
    ({"WEBSITE_TIME_ZONE": "Asia/Kathmandu"}, "Asia/Kathmandu", ""),
    ({"WEBSITE_TIME_ZONE": "Etc/GMT+5"}, "Etc/GMT+5", ""),
    ({"WEBSITE_TIME_ZONE": "US/Eastern"}, "US/Eastern", ""),
    ({"WEBSITE_TIME_ZONE": "CET"}, "CET", ""),
    ({"WEBSITE_TIME_ZONE": "UTC"}, UTC, ""),
    ({"TZ": "Asia/Tokyo"}, "Asia/Tokyo", ""),
    ({"TZ": ":Asia/Tokyo"}, "Asia/Tokyo", ""),
    ({"website_time_zone": "Australia/Lord_Howe", "TZ": "UTC"}, "Australia/Lord_Howe", ""),
    ({"WEBSITE_TIME_ZONE": "W. Europe Standard Time"}, "", "a name of Windows: the host on Linux takes IANA"),
    ({"WEBSITE_TIME_ZONE": "Eastern Standard Time"}, "", "would run the timers in UTC, and KEDA takes no other"),
    ({"WEBSITE_TIME_ZONE": "eastern standard time"}, "", "write America/New_York"),
    ({"WEBSITE_TIME_ZONE": "Tokyo Standard Time"}, "", "write Asia/Tokyo"),
    ({"WEBSITE_TIME_ZONE": "UTC-11"}, "", "write Etc/GMT+11"),
    ({"WEBSITE_TIME_ZONE": "Russia Time Zone 10"}, "", "write Asia/Srednekolymsk"),
    ({"WEBSITE_TIME_ZONE": "W. Australia Standard Time", "TZ": "Australia/Perth"}, "", "write Australia/Perth"),
    ({"TZ": "Romance Standard Time"}, "", "app setting TZ is Romance Standard Time, a name of Windows"),
    ({"WEBSITE_TIME_ZONE": "Central European Time"}, "", "which is not a name of the IANA database"),
    ({"WEBSITE_TIME_ZONE": "europe/berlin"}, "", "write a name such as Europe/Berlin"),
    ({"WEBSITE_TIME_ZONE": "Europe/Nowhere"}, "", "is Europe/Nowhere, which is not a name of the IANA database"),
    ({"WEBSITE_TIME_ZONE": "CET-1CEST"}, "", "which is not a name of the IANA database"),
    ({"WEBSITE_TIME_ZONE": "+02:00"}, "", "which is not a name of the IANA database"),
    ({"TZ": "../etc/passwd"}, "", "which is not a name of the IANA database"),
]


@pytest.mark.parametrize(("settings", "zone", "why_not"), ZONES)
def test_window_has_the_zone_that_the_host_on_linux_takes(settings: dict[str, str], zone: str, why_not: str) -> None:
    trigger = Trigger("tick", "timerTrigger", {"schedule": "0 0 12 * * *"})
    rule = timer_rule(trigger, FunctionApp(Path(), {}, (), settings))
    zones = [one["custom"]["metadata"]["timezone"] for one in rule.override]
    assert zones == ([zone] if zone else [])
    assert why_not in "\n".join(rule.notes)
