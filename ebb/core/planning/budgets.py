"""What the budget of a downstream makes of a plan: no more executions than it can feed, none while it refuses. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

from ebb.core.budget import BudgetState
from ebb.core.clock import rfc3339
from ebb.core.planning.decision import Decision, Wait
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


def budget_document(budget: BudgetSettings | None, state: BudgetState | None, now: datetime) -> dict[str, Any] | None:
    """How a budget stands, for whoever looks; None where there is none.

    {"name", "breaker": closed | open | halfOpen, "openUntil", "refusals", "rate", "rateNow", "concurrency",
    "concurrencyNow", "inUse"}; the last is the number of slots that executions hold.
    """
    if budget is None or state is None:
        return None
    breaker = "open" if state.is_open(now) else "halfOpen" if state.is_tripped else "closed"
    share = 0.0 if state.is_tripped else state.share_now(now)  # but for the one message that tries
    limits = budget.rate, budget.concurrency
    return {
        "name": budget.name,
        "breaker": breaker,
        "openUntil": rfc3339(state.open_until) if state.open_until and breaker == "open" else None,
        "refusals": state.refusals,
        "rate": limits[0],
        "rateNow": None if limits[0] is None else round(limits[0] * share, 3),
        "concurrency": limits[1],
        "concurrencyNow": None if limits[1] is None else math.floor(limits[1] * share) or int(share > 0),
        "inUse": sum(each.number for each in state.slots.values() if now < each.until),
    }


def until_it_opens(decision: Decision, wait: Wait, state: BudgetState | None, now: datetime) -> Wait:
    """The wait of a cycle that an open breaker left without executions: until it may be tried again."""
    if decision.code != "budgetOpen" or state is None or state.open_until is None:
        return wait
    left = max((state.open_until - now).total_seconds(), 0.1)
    reason = f"{decision.limited_by} may be tried again in {duration(round(left, 1))}"
    return Wait.at(state.open_until, now, reason, "budgetOpen", decision.limited_by)
