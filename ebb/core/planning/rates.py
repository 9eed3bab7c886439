"""What a schedule has learned of its own speed: seconds of an execution per message, messages arriving per second.

Both are exponential moving averages, so that a change of the work shows within some cycles and one odd cycle does not
upset the plan. They are carried from cycle to cycle (`ebb/core/carry.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ebb.core.clock import parse_rfc3339
from ebb.core.documents import Execution

SERVICE_WEIGHT = 0.3  # of the newest cycle, in the service time
ARRIVAL_MEMORY = 300.0  # seconds after which an observation of the arrivals counts for a third


@dataclass(frozen=True, slots=True)
class Rates:
    """What is known so far; None: not measured yet."""

    message_seconds: float | None = None  # seconds that an execution, all its slots busy, needs for one message
    arrivals: float | None = None  # messages per second

    def executions_for(self, backlog: float, seconds: float) -> float:
        """How many executions handle `backlog` and what arrives meanwhile within `seconds`; not rounded.

        Raises:
            ValueError: no service time is known yet.
        """
        return (backlog + (self.arrivals or 0.0) * seconds) / self.capacity(seconds)

    def capacity(self, seconds: float) -> float:
        """How many messages one execution handles within `seconds`.

        Raises:
            ValueError: no service time is known yet.
        """
        if not self.message_seconds:
            raise ValueError("no service time is known yet")
        return seconds / self.message_seconds

    def drain_seconds(self, backlog: float, executions: int) -> float:
        """How long `executions` take to empty `backlog` with what arrives meanwhile; infinite if they never do."""
        speed = executions * self.capacity(1.0) - (self.arrivals or 0.0)
        return backlog / speed if speed > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Goal:
    """What is still owed of a backlog that is to be gone in time."""

    messages: float  # of the backlog that was seen when the goal was set
    seconds: float  # left until they should be gone; negative when they are late


def observed_message_seconds(executions: Iterable[Execution], concurrency: int) -> float | None:
    """Seconds of an execution per message, as those of one cycle tell; None if none was handled.

    An execution that handled many messages was busy all the time: its length tells. One that handled few had free
    slots: the time in its handlers tells, spread over the slots it has.
    """
    busy = handled = 0.0
    for execution in executions:
        count = execution.processed + execution.failed + execution.poisoned
        length = _length(execution)
        service = execution.service_seconds
        handled += count
        if count >= 2 * concurrency or not service:
            busy += length * min(1.0, count / concurrency)
        else:
            busy += service / concurrency
    return busy / handled if handled and busy > 0 else None


def observed_arrivals(before: float, settled: float, now: float, seconds: float) -> float | None:
    """Messages per second that arrived between two measurements; None where the time is too short to tell.

    Args:
        before, now: the backlogs measured.
        settled: messages that left for good in between.
    """
    return max(now - before + settled, 0.0) / seconds if seconds >= 0.1 else None


def blended(old: float | None, new: float | None, weight: float) -> float | None:
    """The moving average after an observation: `weight` (0 to 1) of `new`, the rest of `old`; six digits are kept."""
    if new is None or old is None:
        kept = old if new is None else new
    else:
        kept = old + weight * (new - old)
    return kept if kept is None else float(f"{kept:.6g}")


def arrival_weight(seconds: float) -> float:
    """The weight of an observation that took `seconds`: the longer, the more it tells."""
    return 1.0 - math.exp(-seconds / ARRIVAL_MEMORY)


def _length(execution: Execution) -> float:
    ended = parse_rfc3339(execution.ended_at or execution.started_at)
    return max((ended - parse_rfc3339(execution.started_at)).total_seconds(), 0.0)
