"""The settings of a schedule as files and app settings give them, read before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ebb.cli.app_folder import schedules_of
from ebb.cli.local.errors import LocalError, UsageError
from ebb.core.errors import SettingsError
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import did_you_mean


def read_schedule(root: Path, name: str, environment: Mapping[str, str]) -> ScheduleSettings:
    """The settings of schedule `name` of the app in `root`; what an operator set at run time is not among them.

    Raises:
        LocalError: a file cannot be used, one line a fault.
        UsageError: there is no such schedule.
    """
    try:
        schedules = schedules_of(root, environment)
    except SettingsError as error:
        raise LocalError(str(error)) from None
    if name not in schedules:
        if not schedules:
            raise UsageError(f"there is no schedule in {root / 'schedules.yaml'}: write one there")
        near, known = did_you_mean(name, schedules), ", ".join(schedules)
        raise UsageError(f"there is no schedule {name} in schedules.yaml{near}; known are {known}")
    return schedules[name]
