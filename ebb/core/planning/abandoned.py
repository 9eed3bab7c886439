"""What handlers that outlive their execution mean for a plan: an execution that left some behind counts until they end.

So no more than `maxExecutions` executions ever have handlers at work. Where none is left to begin, the schedule waits:
it would rather stand still, and say so, than overlap.
"""

from __future__ import annotations

from dataclasses import replace

from ebb.core.decision import Decision
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted

WAY_OUT = "give the handler a limit of its own, set isolation: process so that it can be ended, or restart the app"


def without_abandoned(settings: ScheduleSettings, abandoned: int) -> ScheduleSettings | None:
    """The settings with `maxExecutions` less those executions; None where that leaves none."""
    if not abandoned:
        return settings
    free = settings.max_executions - abandoned
    if free < 1:
        return None
    least = min(settings.min_executions, free)
    return settings.model_copy(update={"max_executions": free, "min_executions": least})


def held_by_abandoned(settings: ScheduleSettings, abandoned: int) -> Decision:
    """The decision to begin nothing until one of them has ended."""
    reason = f"{_told(abandoned)}, maxExecutions ({settings.max_executions}) leaves none to begin: {WAY_OUT}"
    return Decision(0, reason, "maxExecutions", "abandoned")


def beside_abandoned(decision: Decision, settings: ScheduleSettings, abandoned: int) -> Decision:
    """`decision`, with what stands beside it in its reason."""
    left = (
        f"{_told(abandoned)}: {settings.max_executions - abandoned} of maxExecutions {settings.max_executions} are free"
    )
    return replace(decision, reason=f"{decision.reason}; {left}")


def _told(abandoned: int) -> str:
    verb = "has" if abandoned == 1 else "have"
    return f"{counted(abandoned, 'execution')} of earlier cycles {verb} handlers that still run"
