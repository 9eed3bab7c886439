"""What the budget of a downstream makes of a plan: no more executions than it can feed, none while it refuses. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime

from ebb.core.budget import BudgetState
from ebb.core.clock import rfc3339
from ebb.core.decision import Decision, Wait
from ebb.core.plan import BudgetNow
from ebb.core.settings.budget import BudgetSettings
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted, duration, plain


def held_by_budget(
    settings: ScheduleSettings, decision: Decision, state: BudgetState | None, now: datetime
) -> Decision:
    """The decision, held to what the schedule's budget gives out now; the reason says what is left of it."""
    budget = settings.budget
    if budget is None or state is None or not decision.executions:
        return decision
    name = f"budget {budget.name}"
    if state.open_until is not None:
        if state.is_open(now):
            refuses = f"{name} is open: its downstream refuses until {rfc3339(state.open_until)}"
            return Decision(0, f"{decision.reason}; {refuses}", name, "budgetOpen")
        tries = f"{decision.reason}, held to 1 by {name}: half open, one message tries"
        return Decision(1, tries, name, "budgetHalfOpen")
    share, left, most = state.share_now(now), list[str](), decision.executions
    if budget.rate is not None:
        rate = budget.rate * share
        left.append(f"{plain(round(rate, 3))} of {plain(round(budget.rate, 3))}/s")
        most = min(most, max(1, math.ceil(rate * settings.execution_slice / settings.queue_length)))
    if budget.concurrency is not None:
        slots = max(1, math.floor(budget.concurrency * share))
        left.append(f"{slots} of {budget.concurrency} at once")
        most = min(most, slots)
    if most == decision.executions and share == 1.0:
        return decision
    told = f"{name} gives {' and '.join(left)}"
    if most == decision.executions:
        return replace(decision, reason=f"{decision.reason}; {told}")
    held = f"held to {counted(most, 'execution')}: {told}"
    return Decision(most, f"{decision.reason}, {held}", name, "heldToBudget")


def budget_now(budget: BudgetSettings | None, state: BudgetState | None, now: datetime) -> BudgetNow | None:
    """How a budget stands; None where there is none."""
    if budget is None or state is None:
        return None
    is_open = state.is_open(now)
    share = 0.0 if state.is_tripped else state.share_now(now)  # but for the one message that tries
    rate, concurrency = budget.rate, budget.concurrency
    return BudgetNow(
        name=budget.name,
        breaker="open" if is_open else "halfOpen" if state.is_tripped else "closed",
        open_until=rfc3339(state.open_until) if state.open_until and is_open else None,
        refusals=state.refusals,
        rate=rate,
        rate_now=None if rate is None else round(rate * share, 3),
        concurrency=concurrency,
        concurrency_now=None if concurrency is None else math.floor(concurrency * share) or int(share > 0),
        in_use=sum(each.number for each in state.slots.values() if now < each.until),
    )


def until_it_opens(decision: Decision, wait: Wait, state: BudgetState | None, now: datetime) -> Wait:
    """The wait of a cycle that an open breaker left without executions: until it may be tried again."""
    if decision.code != "budgetOpen" or state is None or state.open_until is None:
        return wait
    left = max((state.open_until - now).total_seconds(), 0.1)
    reason = f"{decision.limited_by} may be tried again in {duration(round(left, 1))}"
    return Wait.at(state.open_until, now, reason, "budgetOpen", decision.limited_by)
