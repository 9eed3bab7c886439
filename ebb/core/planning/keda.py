"""KEDA's arithmetic for ScaledJobs, number for number: effective bounds, several triggers, the four strategies.

Source: kedacore/keda, pkg/scaling/executor/scale_jobs.go and pkg/scaling/scalersmetrics of version 2.20, where
`maxExecutions` is maxReplicaCount, `minExecutions` minReplicaCount, and an execution is a job. Traps are kept as they
are there; `ebb/core/planning/executions.py` says in words where one bites.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import overload

DEFAULT_MAXIMUM = 100  # maxReplicaCount where the user gives none
STRATEGIES = ("default", "custom", "accurate", "eager")
CALCULATIONS = ("max", "min", "avg", "sum")


def rounded_up(number: float) -> int:
    """The whole number at or above `number`; one beyond all sense is cut, so that it can be said."""
    return math.ceil(min(number, 1e12))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds that reach the formulas: of the user's two numbers, the maximum without the minimum."""

    minimum: int
    maximum: int

    @classmethod
    def of(cls, minimum: int | None, maximum: int | None) -> Bounds:
        """The effective bounds; a minimum above the maximum counts as the maximum, which then stays whole."""
        if maximum is None:
            return cls(minimum or 0, DEFAULT_MAXIMUM)
        if minimum is None or minimum <= 0:
            return cls(0, maximum)
        if minimum > maximum:
            return cls(maximum, maximum)
        return cls(minimum, maximum - minimum)


@dataclass(frozen=True, slots=True)
class Demand:
    """What one source, or all together, ask for: nothing is rounded yet."""

    queue_length: float  # messages
    executions: float  # backlog / target, held to the effective maximum; 0 where the target is 0
    active: bool = True  # backlog strictly above the activation value

    @classmethod
    def of(cls, queue_length: float, target: float, activation: float, maximum: int) -> Demand:
        """The demand of one source; a backlog that is not a number, infinite or negative counts as 0, as in KEDA."""
        backlog = queue_length if math.isfinite(queue_length) and queue_length > 0 else 0.0
        executions = min(backlog / target, maximum) if target > 0 else 0.0
        return cls(backlog, executions, backlog > activation)


NONE = Demand(0.0, 0.0, active=False)


@overload
def combine_backlogs(calculation: str, backlogs: Iterable[Demand]) -> Demand: ...
@overload
def combine_backlogs(calculation: str, backlogs: Iterable[float]) -> float: ...
def combine_backlogs(calculation: str, backlogs: Iterable[Demand] | Iterable[float]) -> Demand | float:
    """The demands of several sources as one; inactive ones do not take part.

    Args:
        calculation: "max" (by backlog, not by demand; of equal ones the first), "min" (a 0 that comes first is
            overwritten by what follows, one that comes later wins), "avg" (over the active ones) or "sum".
        backlogs: in the order of the settings; plain numbers of messages are backlogs of active sources.

    Returns:
        The combined demand; inactive where no source is, and with "max" where every active one measures 0. For plain
        numbers the combined number.
    """
    given = list(backlogs)
    demands = [each if isinstance(each, Demand) else Demand(each, each) for each in given]
    combined = _combined(calculation, [demand for demand in demands if demand.active])
    return combined.queue_length if given and not isinstance(given[0], Demand) else combined


def _combined(calculation: str, active: list[Demand]) -> Demand:
    if not active:
        return NONE
    if calculation == "min":
        return _smallest(active)
    if calculation in ("sum", "avg"):
        parts = len(active) if calculation == "avg" else 1
        backlog = executions = 0.0
        for demand in active:  # one by one as in KEDA: since Python 3.12 sum() rounds less, which ceil would show
            backlog, executions = backlog + demand.queue_length, executions + demand.executions
        return Demand(backlog / parts, executions / parts)
    largest = NONE
    for demand in active:
        if demand.queue_length > largest.queue_length:
            largest = demand
    return largest


def _smallest(active: list[Demand]) -> Demand:
    found = NONE
    for demand in active:
        if found.queue_length == 0 or demand.queue_length < found.queue_length:
            found = demand
    return found


@dataclass(frozen=True, slots=True)
class Custom:
    """The two numbers of the custom strategy; without a usable percentage it is the default one, deduction ignored."""

    deduction: int = 0
    percentage: float | None = None

    @classmethod
    def of(cls, deduction: float | None, percentage: float | str | None) -> Custom:
        """From settings; a missing deduction is 0, a percentage that is not a number is none."""
        try:
            factor = None if percentage is None else float(percentage)
        except ValueError:
            factor = None
        if factor is not None and not math.isfinite(factor):
            factor = None
        return cls(int(deduction or 0), factor)


def executions_to_start(
    strategy: str, demand: Demand, bounds: Bounds, running: int = 0, pending: int = 0, custom: Custom | None = None
) -> int:
    """How many executions to start.

    Args:
        strategy: one of STRATEGIES; any other counts as "default".
        running: executions that have not ended, `pending` ones included.
        pending: those of them that have not begun to work.
    """
    if running < bounds.minimum:
        return bounds.minimum - running
    if not demand.active:  # a minimum keeps the ScaledJob active, but a trigger that is not still asks for nothing
        return 0
    over = running - bounds.minimum
    most = math.ceil(min(demand.executions, bounds.maximum))
    scale_to = math.ceil(demand.queue_length)
    if strategy == "custom" and custom is not None and custom.percentage is not None:
        effective = min(most - custom.deduction - math.trunc(over * custom.percentage), bounds.maximum)
    elif strategy == "accurate":
        near_the_limit = most + over - pending > bounds.maximum
        effective = bounds.maximum - over if near_the_limit else most - pending
    elif strategy == "eager":
        effective, scale_to = min(bounds.maximum - over - pending, most), bounds.maximum
    else:
        effective = most - over
    return min(scale_to, max(effective, 0))
