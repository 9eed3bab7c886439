"""Names that running instances refer to: renaming one breaks them, so they stand in one place and are tested."""

from __future__ import annotations

ETERNAL_SCHEDULER = "eternal_scheduler"
MEASURE_BACKLOG = "measure_backlog"
PROCESS_BACKLOG = "process_backlog"
CLOSE_CYCLE = "close_cycle"
WATCHDOG = "watchdog"
NUDGE = "nudge"  # the external event that ends a wait early
TRIGGER = "trigger"  # the nudge's data when an operator wants the next cycle now, due or not

INSTANCE_PREFIX = "ebb-"


def instance_id(schedule: str) -> str:
    """The one orchestration instance of `schedule`."""
    return INSTANCE_PREFIX + schedule
