"""Timer triggers: supported, but without a row in the mapping table."""

from __future__ import annotations

from typing import Any

from ebb.cli.scale_rules.app import FunctionApp
from ebb.cli.scale_rules.rule import ScaleRule, rule_name
from ebb.cli.scale_rules.trigger import Trigger, Unresolved

WINDOW_MINUTES = 5  # long enough to start a replica and run the function once


def timer_rule(trigger: Trigger, app: FunctionApp) -> ScaleRule:
    """What is known of a timer: the platform writes a rule of its own, and did not always."""
    schedule = trigger.get("schedule", "")
    text = str(schedule) if isinstance(schedule, Unresolved) else app.resolve(str(schedule))
    window = _window(text)
    own = (
        "override by the rule below" if window else "override by a cron rule of your own with a window around each tick"
    )
    return ScaleRule(
        trigger.function,
        trigger.type,
        source="Timer",
        where=trigger.where,
        notes=(f"runs by {text or 'an unknown schedule'}; a replica that is away at that moment misses it",),
        instead="the mapping page has no row for timers: the platform writes a cron-like rule of its own, which users "
        f"have seen missing (microsoft/azure-container-apps#1591): set minReplicas to 1, or {own}",
        override=({"name": rule_name(trigger.function), "custom": {"type": "cron", "metadata": window}},)
        if window
        else (),
    )


def _window(schedule: str) -> dict[str, Any] | None:
    """KEDA's cron scaler knows windows, not instants: some minutes from each tick. None where no window fits.

    The hour, day, month and weekday fields go over as they are; seconds are dropped; the minute must be one number with
    room for the window in its hour. https://keda.sh/docs/latest/scalers/cron/
    """
    fields = schedule.split()
    if len(fields) == 6:
        fields = fields[1:]
    if len(fields) != 5 or not fields[0].isdigit() or int(fields[0]) + WINDOW_MINUTES > 59:
        return None
    rest = " ".join(fields[1:])
    return {
        "timezone": "Etc/UTC",
        "start": f"{int(fields[0])} {rest}",
        "end": f"{int(fields[0]) + WINDOW_MINUTES} {rest}",
        "desiredReplicas": "1",
    }
