"""A schedule that runs after others (`after`): whether they have drained since it last ran. Pure.

Each cycle that leaves nothing behind raises its schedule's `drained_cycle`. Who comes after it remembers the number
that it last ran for, so that nothing is missed and nothing runs twice: a drain is a state, not an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ebb.core.carry import Carry
from ebb.core.decision import Wait
from ebb.core.plan import ScheduleBefore
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import duration


@dataclass(frozen=True, slots=True)
class Other:
    """A schedule that this one comes after, as its row says."""

    name: str
    drained: int  # the latest cycle of it that left nothing behind; 0: none yet
    is_working: bool = False
    intent: str = "running"


def held_by_others(
    settings: ScheduleSettings, carry: Carry, others: Sequence[Other], triggered: bool = False
) -> Wait | None:
    """The wait of a schedule whose turn has not come; None where it has: all others have drained since it last ran.

    A backlog that this schedule has not finished, and an operator's trigger, need not wait.
    """
    if triggered or carry.continues:
        return None
    since = carry.followed or {}
    waiting = [each for each in others if each.is_working or each.drained <= since.get(each.name, 0)]
    if not waiting:
        return None
    names = ", ".join(_told(each) for each in waiting)
    again = f"looking again in {duration(settings.polling_interval)}"
    return Wait(settings.polling_interval, f"waits until {names}; {again}", "afterOthers", "after")


def following(carry: Carry, others: Sequence[Other], runs: bool) -> Carry:
    """What to remember of a cycle that may run now; `runs` says whether it has executions."""
    if not others:
        return carry
    return replace(carry, followed={each.name: each.drained for each in others}, continues=carry.continues and runs)


def those_before(carry: Carry, others: Sequence[Other]) -> tuple[ScheduleBefore, ...]:
    """The schedules that this one comes after, as the plan tells them."""
    since = carry.followed or {}
    return tuple(
        ScheduleBefore(
            name=each.name,
            has_drained=each.drained > since.get(each.name, 0) and not each.is_working,
            is_working=each.is_working,
            intent=each.intent,
        )
        for each in others
    )


def has_drained(code: str, outcome: str, received: int) -> bool:
    """Whether a cycle left nothing behind, so that those who come after it may run.

    Args:
        code: of the wait that follows it.
        outcome: of the cycle. Where nothing succeeded, what comes after it has nothing to build on.
        received: messages that it took.
    """
    return received > 0 and code != "backlogRemains" and outcome in ("succeeded", "partlyFailed")


def circle(after: Mapping[str, Sequence[str]]) -> list[str] | None:
    """Schedules that wait for each other in a circle, the first one again at the end; None where there are none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return None
        found = next((ring for each in after.get(name, ()) if (ring := visit(each, [*path, name]))), None)
        done.add(name)
        return found

    return next((ring for name in after if (ring := visit(name, []))), None)


def _told(other: Other) -> str:
    if other.intent != "running":
        return f"{other.name} has drained (it is {other.intent})"
    return f"{other.name} has drained" + (" (it is at work)" if other.is_working else "")
