"""The settings of a schedule as files and app settings give them, read before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ebb.local.errors import LocalError
from ebb.scale_rules.app import read_json
from scheduler.errors import SettingsError
from scheduler.host_limits import function_timeout
from scheduler.schedules import load_schedules
from scheduler.settings import ScheduleSettings


def read_schedule(root: Path, name: str, environment: Mapping[str, str]) -> ScheduleSettings:
    """The settings of schedule `name` of the app in `root`; what an operator set at run time is not among them.

    Raises:
        LocalError: a file cannot be used, one line a fault, or there is no such schedule.
    """
    path, local = root / "schedules.yaml", root / "local.settings.json"
    try:
        values = read_json(local).get("Values") or {} if local.is_file() else {}
        settings = {**{key: str(value) for key, value in values.items()}, **environment}
        limit = function_timeout((root / "host.json").read_text(encoding="utf-8"), settings)
        schedules = load_schedules(path.read_text(encoding="utf-8"), path.name, settings, limit)
    except SettingsError as error:
        raise LocalError(str(error)) from None
    except UnicodeDecodeError as error:
        raise LocalError(f"{path.name}: byte {error.start} is not UTF-8: save the file as UTF-8") from None
    except OSError as error:
        raise LocalError(f"{Path(error.filename).name} cannot be read: {error.strerror}") from None
    if name not in schedules:
        raise LocalError(f"there is no schedule {name} in {path.name}; known are {', '.join(schedules) or 'none'}")
    return schedules[name]
