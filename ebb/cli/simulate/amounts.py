"""Times and rates as the command line writes them: `90`, `30m`, `4w`, `02:00:00`; `60/h`, `5000/day`."""

from __future__ import annotations

from ebb.cli.simulate.errors import SimulationError
from ebb.core.settings.durations import DAY_SECONDS, parse_seconds

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": DAY_SECONDS, "day": DAY_SECONDS, "w": 7 * DAY_SECONDS}


def seconds_of(text: str, what: str) -> float:
    """Seconds that `text` says, as settings write a duration.

    Raises:
        SimulationError: it says none, or not more than 0; names `what`.
    """
    try:
        found = float(str(parse_seconds(text)))
    except ValueError as error:
        raise SimulationError(
            f"{what}: {text!r} is not a time; write it as 90, 30m, 12h, 7d, 4w or 02:00:00"
        ) from error
    if not 0 < found < float("inf"):
        raise SimulationError(f"{what}: {text!r} must be more than 0")
    return found


def rate_of(text: str, what: str) -> float:
    """Messages per second that `text` says: `60/h`.

    Raises:
        SimulationError: it says none; names `what`.
    """
    count, slash, unit = text.partition("/")
    try:
        if not slash:
            raise ValueError(text)
        rate = float(count) / _UNITS[unit.strip()]
    except (ValueError, KeyError) as error:
        raise SimulationError(f"{what}: {text!r} is not a rate; write it as 2/s, 60/h or 5000/day") from error
    if not 0 < rate < float("inf"):
        raise SimulationError(f"{what}: {text!r} must be more than 0")
    return rate
