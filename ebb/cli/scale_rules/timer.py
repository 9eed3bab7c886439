"""Timer triggers: supported, but without a row in the mapping table."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ebb.cli.cron_fields import five_fields
from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.rule import ScaleRule, rule_name
from ebb.cli.scale_rules.trigger import Trigger, Unresolved
from ebb.core.calendar.ncrontab import FIELDS, parse_six_fields
from ebb.core.document import Json
from ebb.core.settings.app_settings import find_setting
from ebb.core.settings.time_span import parse_time_span

WINDOW_MINUTES = 5  # long enough to start a replica and run the function once
UTC = "Etc/UTC"
# Windows names of zones are for apps on Windows. On Linux, as on Container Apps, both take a name of the IANA database:
# https://learn.microsoft.com/azure/azure-functions/functions-app-settings. .NET looks for a file of that name; without
# one it goes on in UTC and says nothing (dotnet/runtime, TimeZoneInfo.Unix.NonAndroid.cs, TryGetLocalTzFile).
# Azure/azure-functions-host#5213 is such an app.
ZONE_SETTINGS = ("WEBSITE_TIME_ZONE", "TZ")


@dataclass(frozen=True)
class _Schedule:
    """What a timer's schedule is, as far as it can be told: five `fields` for KEDA, or `told` why there are none."""

    text: str
    fields: str | None = None
    told: str | None = None


def timer_rule(trigger: Trigger, app: FunctionApp) -> ScaleRule:
    """What is known of a timer: the platform writes a rule of its own, and did not always."""
    schedule, (zone, zone_fault) = _schedule(trigger, app), app_zone(app)
    window, no_window = _window(schedule, zone) if zone_fault is None else (None, zone_fault)
    own = (
        "override by the rule below" if window else "override by a cron rule of your own with a window around each tick"
    )
    notes = [f"runs by {schedule.text or 'an unknown schedule'}; a replica that is away at that moment misses it"]
    if no_window:
        notes.append(f"no window is offered: {no_window}")
    return ScaleRule(
        trigger.function,
        trigger.type,
        source="Timer",
        where=trigger.where,
        notes=tuple(notes),
        instead="the mapping page has no row for timers: the platform writes a cron-like rule of its own, which users "
        f"have seen missing (microsoft/azure-container-apps#1591): set minReplicas to 1, or {own}",
        override=({"name": rule_name(trigger.function), "custom": {"type": "cron", "metadata": window}},)
        if window
        else (),
    )


def app_zone(app: FunctionApp) -> tuple[str, str | None]:
    """The zone that the app's timers follow, by its app settings, and what is wrong with it for KEDA."""
    found = next(filter(None, (find_setting(name, app.settings) for name in ZONE_SETTINGS)), None)
    if found is None:
        return UTC, None
    setting, name = found[0], found[1].removeprefix(":")
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return name, f"app setting {setting} is {name}, {_zone_fault(name)}"
    return (UTC if name == "UTC" else name), None


def _zone_fault(name: str) -> str:
    # Imported here: the local host is not needed for anything else of the command.
    from devhost.windows_zones import WINDOWS_ZONES

    meant = WINDOWS_ZONES.get(name.lower())
    kind = "a name of Windows" if meant else "which is not a name of the IANA database"
    advice = f"write {meant}" if meant else "write a name such as Europe/Berlin"
    return (
        f"{kind}: the host on Linux takes IANA names only and would run the timers in UTC, and KEDA takes no other; "
        f"{advice}"
    )


def _schedule(trigger: Trigger, app: FunctionApp) -> _Schedule:
    given = trigger.get("schedule", "")
    if isinstance(given, Unresolved):
        return _Schedule(str(given), told="its schedule is known only at run time")
    text = app.resolve(str(given))
    try:
        if len(text.split()) == 1:
            parse_time_span(text)
            return _Schedule(text, told="it is an interval, whose times follow from the start of the host")
        parse_six_fields(expression := text if len(text.split()) == len(FIELDS) else f"0 {text}")
    except ValueError as error:
        return _Schedule(text, told=f"the host does not take the schedule, it {error}")
    try:
        return _Schedule(text, five_fields(expression)[0])
    except ValueError as error:
        return _Schedule(text, told=str(error))


def _window(schedule: _Schedule, zone: str) -> tuple[Json | None, str | None]:
    """KEDA's cron scaler knows windows, not instants: some minutes from each tick. Or why no window fits.

    Seconds are dropped; the minute must be one number with room for the window in its hour.
    https://keda.sh/docs/latest/scalers/cron/
    """
    if schedule.fields is None:
        return None, schedule.told
    minute, times = schedule.fields.split(" ", 1)
    if not minute.isdigit() or int(minute) + WINDOW_MINUTES > 59:
        return None, f"it does not run at one minute of an hour with {WINDOW_MINUTES} minutes after it"
    return {
        "timezone": zone,
        "start": f"{minute} {times}",
        "end": f"{int(minute) + WINDOW_MINUTES} {times}",
        "desiredReplicas": "1",
    }, None
