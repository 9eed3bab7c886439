"""How many executions a backlog deserves and how long to wait: pure arithmetic, each answer with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scheduler.settings import ScheduleSettings


@dataclass(frozen=True)
class Decision:
    """How many executions to start now, why, and the setting that bound the number (None where none did)."""

    executions: int
    reason: str
    limited_by: str | None = None

    def as_json(self) -> dict[str, object]:
        """The decision as the API shows it."""
        return {"executions": self.executions, "reason": self.reason, "limitedBy": self.limited_by}


@dataclass(frozen=True)
class Wait:
    """How long to wait before the next cycle, in seconds, and why."""

    seconds: float
    reason: str


def executions_wanted(
    strategy: str,
    *,
    queue_length: float,
    target: float,
    activation: float,
    min_executions: int,
    max_executions: int,
) -> Decision:
    """How many executions to start for a backlog of `queue_length` messages.

    Args:
        strategy: "default", KEDA's: ceil(backlog / target), held to the limits.
        target: messages that one execution is expected to take, above 0.
        activation: act only when the backlog is strictly above this, unless `min_executions` asks for some anyway.

    Source: KEDA's scale_jobs.go; a cycle has no running executions when it decides.
    """
    if strategy != "default":
        raise ValueError(f"unknown scalingStrategy {strategy!r}")
    backlog = _count(queue_length, "message")
    if queue_length <= activation:
        if min_executions:
            reason = f"{backlog} waiting; minExecutions keeps {_count(min_executions, 'execution')} going"
            return Decision(min_executions, reason, "minExecutions")
        if queue_length <= 0:
            return Decision(0, "nothing is waiting")
        reason = f"{backlog} waiting, not above activationQueueLength {activation:g}"
        return Decision(0, reason, "activationQueueLength")
    wanted = math.ceil(queue_length / target)
    sentence = f"{backlog} at {target:g} each want {_count(wanted, 'execution')}"
    if wanted > max_executions:
        return Decision(max_executions, f"{sentence}, held to {max_executions} by maxExecutions", "maxExecutions")
    if wanted < min_executions:
        return Decision(min_executions, f"{sentence}, raised to {min_executions} by minExecutions", "minExecutions")
    return Decision(wanted, sentence)


def plan(settings: ScheduleSettings, backlog: float) -> Decision:
    """The decision that `settings` give for a backlog of that many messages."""
    return executions_wanted(
        settings.scaling_strategy,
        queue_length=backlog,
        target=settings.queue_length,
        activation=settings.activation_queue_length,
        min_executions=settings.min_executions,
        max_executions=settings.max_executions,
    )


def next_wait(
    settings: ScheduleSettings,
    *,
    received: int = 0,
    remaining: int | None = None,
    idle_cycles: int = 0,
    error_cycles: int = 0,
) -> Wait:
    """How long to wait after a cycle has ended.

    Args:
        received: messages that the cycle's executions received.
        remaining: messages waiting at the cycle's end; None where that is not known.
        idle_cycles: cycles in a row, this one included, that received nothing.
        error_cycles: cycles in a row, this one included, that ended with an error.
    """
    if error_cycles:
        return error_wait(error_cycles, settings.polling_interval, settings.max_polling_interval)
    if received and remaining is not None and remaining > settings.activation_queue_length:
        return Wait(0.0, f"{_count(remaining, 'message')} still waiting; the next cycle begins at once")
    if received:
        return Wait(
            settings.polling_interval, f"the backlog is drained; polling in {duration(settings.polling_interval)}"
        )
    seconds = _backed_off(max(idle_cycles, 1), settings.polling_interval, settings.max_polling_interval)
    cycles = _count(max(idle_cycles, 1), "idle cycle")
    capped = (
        ", held by maxPollingInterval" if seconds == settings.max_polling_interval > settings.polling_interval else ""
    )
    return Wait(seconds, f"{cycles} in a row; polling again in {duration(seconds)}{capped}")


def error_wait(error_cycles: int, base: float = 30.0, cap: float = 300.0) -> Wait:
    """How long to wait after that many failed cycles in a row; the defaults serve while settings cannot be read."""
    seconds = _backed_off(error_cycles, base, cap)
    return Wait(seconds, f"{_count(error_cycles, 'cycle')} in a row failed; trying again in {duration(seconds)}")


def duration(seconds: float) -> str:
    """Seconds as a person would say them: `45 s`, `2 min`, `1 h 30 min`."""
    if seconds < 120:
        return f"{seconds:g} s" if seconds == round(seconds, 1) else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _backed_off(times: int, base: float, cap: float) -> float:
    """`base`, doubled for each time after the first, up to `cap`; all in seconds."""
    return min(base * 2.0 ** min(times - 1, 40), cap)


def _count(number: float, noun: str) -> str:
    return f"{number:g} {noun}" if number == 1 else f"{number:g} {noun}s"
