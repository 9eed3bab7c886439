"""The budgets of an app: they stand once under `budgets`, and schedules name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from ebb.core.settings.budget import BudgetSettings
from ebb.core.settings.faults import RuleError, field_error
from ebb.core.wording import did_you_mean


def budgets_of(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each budget of `schedules.yaml` by its name, with the name in it.

    Raises:
        RuleError: one cannot be used; its field begins with `budgets`.
    """
    given: object = document.get("budgets") or {}
    if not isinstance(given, Mapping):
        raise RuleError("budgets", str(given), "must map names to {rate, concurrency}")
    found: dict[str, dict[str, Any]] = {}
    for name, limits in cast("Mapping[object, object]", given).items():
        if not isinstance(limits, Mapping):
            raise RuleError(f"budgets.{name}", str(limits), "must be {rate: 10/s, concurrency: 4}, or one of them")
        found[str(name)] = {"name": str(name), **cast("Mapping[str, Any]", limits)}
        try:
            BudgetSettings.model_validate(found[str(name)])
        except ValidationError as error:
            fault = field_error(error.errors(include_url=False)[0], found[str(name)], BudgetSettings.model_fields)
            raise RuleError(f"budgets.{name}.{fault.field}", fault.value, fault.message) from None
    return found


def with_budget(name: str, data: Mapping[str, Any], budgets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The settings of schedule `name` with the budget that they name in the place of its name.

    Raises:
        RuleError: there is no such budget, or it does not stand under `budgets`.
    """
    given = data.get("budget")
    if given is None:
        return dict(data)
    if not isinstance(given, str):
        raise RuleError(f"schedules.{name}.budget", str(given), "must be a name under budgets")
    if given not in budgets:
        known = f"known are {', '.join(budgets)}" if budgets else "none stands under budgets"
        raise RuleError(f"schedules.{name}.budget", given, f"is not a budget{did_you_mean(given, budgets)}; {known}")
    return {**data, "budget": dict(budgets[given])}
