"""What the budget of a downstream made of a simulated run: how much of it was used, and how often it held the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ebb.core.settings.schedule_settings import ScheduleSettings


@dataclass(frozen=True)
class BudgetUse:
    """One budget in one run; nobody else shares it there."""

    name: str
    begun: int  # messages whose handler began, each try
    allowed: int | None  # that its rate allows in that time; None: it has no rate
    held: int  # cycles with fewer executions because of it

    def __str__(self) -> str:
        used = f"{self.begun} begun" if self.allowed is None else f"{self.begun} of {self.allowed} begun"
        return f"{self.name}: {used}, {self.held} cycles held"


def budget_use(settings: ScheduleSettings, seconds: float, begun: int, limited: Mapping[str, int]) -> BudgetUse | None:
    """The budget that `settings` name; None where they name none.

    Args:
        limited: how many cycles what has bound, as in the report.
    """
    budget = settings.budget
    if budget is None:
        return None
    allowed = None if budget.rate is None else int(budget.rate * seconds)
    return BudgetUse(budget.name, begun, allowed, limited.get(f"budget {budget.name}", 0))
