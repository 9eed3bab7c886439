"""The budgets of downstreams, as they stand in the store."""

from __future__ import annotations

from ebb.core.budget import BudgetState
from ebb.core.remarks import BUDGETS
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.services import Services


async def budget_of(services: Services, settings: ScheduleSettings) -> BudgetState | None:
    """The budget that `settings` name; None where they name none. One request.

    Raises:
        StoreError: it cannot be read.
    """
    if settings.budget is None:
        return None
    noted = await services.store.remark(BUDGETS, settings.budget.name)
    return BudgetState.from_remark(noted.remark if noted else None)
