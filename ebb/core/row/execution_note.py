"""The note that a run of an execution keeps in the store: that it is at work, and what it did so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import parse_rfc3339
from ebb.core.documents import Execution


@dataclass(frozen=True)
class ExecutionNote:
    """One run of an execution; Durable may run one twice, even at once."""

    owner: str  # of the fence, under which it acts
    cycle: int
    index: int
    run: str  # tells two runs of one execution apart
    until: datetime  # it has ended then, whatever happens
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])  # its Execution document so far; {} before work

    @property
    def has_ended(self) -> bool:
        """Whether the run said its last word."""
        return self.document.get("endedAt") is not None

    @property
    def beat(self) -> datetime | None:
        """When the run last said that it is at work; None where an older version of the app wrote the note."""
        said = self.document.get("notedAt") or self.document.get("startedAt")
        return parse_rfc3339(str(said)) if said else None

    def is_at_work(self, now: datetime, skew: timedelta) -> bool:
        """Whether the run may still handle messages, when clocks may differ by `skew`."""
        return not self.has_ended and now < self.until + skew

    @property
    def execution(self) -> Execution | None:
        """What the run did so far; None where it noted only that it began."""
        return Execution.from_document(self.document) if self.document else None
