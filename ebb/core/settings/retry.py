"""How a message whose handler failed is tried again: the waits between its tries, and how many there are."""

from __future__ import annotations

from pydantic import Field, model_validator

from ebb.core.settings.durations import DAY_SECONDS, Number, Seconds
from ebb.core.settings.faults import RuleError
from ebb.core.settings.source_settings import SettingsModel


class RetrySettings(SettingsModel):
    """Waits that grow: `initial`, `initial * factor`, `initial * factor^2` and so on, up to `maximum`."""

    initial: Seconds = Field(10.0, ge=0, le=DAY_SECONDS * 7, description="seconds before the second try")
    factor: Number = Field(2.0, ge=1, le=100, description="what each further wait is multiplied by")
    maximum: Seconds = Field(3600.0, ge=0, le=DAY_SECONDS * 7, description="seconds that a wait never exceeds")
    jitter: Number = Field(0.2, ge=0, le=1, description="share of a wait that is drawn by lot: 0.2 is a fifth")
    attempts: int | None = Field(
        None, ge=1, le=1000, description="tries before the poison place; stands in the place of maxDequeueCount"
    )

    @model_validator(mode="after")
    def _grows(self) -> RetrySettings:
        if self.initial > self.maximum:
            raise RuleError("initial", self.initial, f"must be at most maximum ({self.maximum:g})")
        return self
