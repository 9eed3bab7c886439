"""The budget of a downstream: how many messages a second, and how many at once, all who share it may handle."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from ebb.core.settings.durations import Number
from ebb.core.settings.faults import RuleError
from ebb.core.settings.source_settings import SettingsModel

_PER = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*(s|min|m|h|d))?\s*")


def parse_rate(value: object) -> object:
    """Read a rate: `10/s`, `300/min`, `1000/h`, `5000/d`, or a number of messages a second.

    Raises:
        ValueError: a text that is none of these.
    """
    if not isinstance(value, str):
        return value
    match = _RATE.fullmatch(value)
    if match is None:
        raise ValueError("must be a rate: 10/s, 300/min, 1000/h, 5000/d, or messages a second")
    return float(match[1]) / _PER[match[2] or "s"]


Rate = Annotated[Number, BeforeValidator(parse_rate)]
BudgetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class BudgetSettings(SettingsModel):
    """A budget under its name; schedules and apps on one store that name the same one share it."""

    name: BudgetName = Field(description="who names the same one shares it")
    rate: Rate | None = Field(None, gt=0, le=100_000, description="messages a second, together")
    concurrency: int | None = Field(None, ge=1, le=100_000, description="messages in handlers at once, together")

    @model_validator(mode="after")
    def _limits(self) -> BudgetSettings:
        if self.rate is None and self.concurrency is None:
            raise RuleError("rate", None, "this or concurrency must be given")
        return self
