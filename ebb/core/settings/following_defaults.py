"""Defaults that give way to what was written: an hourly job waits an hour, a short time-out shortens the slice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ebb.core.settings.durations import parse_seconds
from ebb.core.settings.faults import RuleError

PROGRAM_HANDLER = "ebb.programs:program"  # what `handler` says where a command stands in its place; rows have it so
ISOLATED_CONCURRENCY = 4  # where not given: each handler in flight is a process of its own
BATCH_CONCURRENCY = 4  # where not given: each handler in flight holds a whole batch


def with_following_defaults(given: dict[str, Any], default_of: Callable[[str], float]) -> dict[str, Any]:
    """The settings of a schedule as they were `given`, with the defaults that follow from them.

    Args:
        default_of: the default of a setting for which nothing is written, by its name there.

    Raises:
        RuleError: a value is true or false, which no setting is.
    """
    for name, value in given.items():
        if isinstance(value, bool):
            raise RuleError(name, value, "must not be true or false")
    followed = dict(given)
    if given.get("command") is not None and given.get("handler") is None:
        followed["handler"] = PROGRAM_HANDLER
    for low, high in (("pollingInterval", "maxPollingInterval"), ("executionSlice", "replicaTimeout")):
        low_default, high_default = default_of(low), default_of(high)
        if low in given and high not in given and high == "maxPollingInterval":
            followed[high] = max(high_default, _seconds(given[low], high_default))
        elif high in given and low not in given:
            value = _seconds(given[high], low_default)
            followed[low] = min(low_default, value) if value > 0 else low_default
    if "replicaTimeout" in given and "handlerTimeout" not in given:
        limit = _seconds(given["replicaTimeout"], 0)
        followed["handlerTimeout"] = limit * 0.9 if limit >= 60 else max(limit, 0.1)
    followed |= _tries_of(given)
    if "concurrency" not in given:
        followed |= _calls_at_once(given)
    return followed


def _calls_at_once(given: dict[str, Any]) -> dict[str, Any]:
    """`concurrency` where it is not given and the default is too many."""
    if given.get("batch") is not None:
        return {"concurrency": BATCH_CONCURRENCY}
    return {"concurrency": ISOLATED_CONCURRENCY} if given.get("isolation") == "process" else {}


def _tries_of(given: dict[str, Any]) -> dict[str, Any]:
    """`maxDequeueCount` as `retry.attempts` has it, where only that is given."""
    retry = given.get("retry")
    attempts = cast("dict[str, Any]", retry).get("attempts") if isinstance(retry, dict) else None
    return {} if attempts is None or given.get("maxDequeueCount") is not None else {"maxDequeueCount": attempts}


def _seconds(value: object, otherwise: float) -> float:
    """The duration that `value` says; `otherwise` where it says none, which its own field will refuse."""
    try:
        read = parse_seconds(value)
    except ValueError:
        return otherwise
    return read if isinstance(read, int | float) else otherwise
