"""What Durable Functions says of a schedule's orchestration instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ebb.core.clock import parse_rfc3339
from ebb.core.failures import is_code_change

LIVE = frozenset({"Running", "Pending", "ContinuedAsNew", "Suspended"})


@dataclass(frozen=True)
class Instance:
    """What Durable Functions says of a schedule's instance; `status` is None where there is none."""

    status: str | None = None
    custom: Mapping[str, Any] | None = None
    output: Any = None
    updated_at: datetime | None = None

    @property
    def phase(self) -> str | None:
        """What it says that it does (`ebb.core.status`)."""
        return (self.custom or {}).get("phase")

    @property
    def cycle(self) -> int | None:
        """The number of the cycle that it is in; None where it has none yet."""
        return (self.custom or {}).get("cycle")

    @property
    def is_waiting(self) -> bool:
        """Whether it sleeps until its next cycle."""
        return self.phase == "waiting"

    @property
    def wakes_at(self) -> datetime | None:
        """When it said that it would go on; None where it did not say so."""
        try:
            return parse_rfc3339(str((self.custom or {})["nextCycleAt"]))
        except (KeyError, ValueError):
            return None

    @property
    def code_changed(self) -> bool:
        """Whether it failed because the app's code is another one than it was begun with."""
        return self.status == "Failed" and is_code_change(self.output)

    @property
    def is_live(self) -> bool:
        """Whether it can still act."""
        return self.status in LIVE
