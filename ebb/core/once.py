"""Effects of a handler that are to happen once a message, also when its process dies: what a claim allows. Pure.

Before the effect it is claimed, after it the claim becomes `done`; both are remarks in the store. Whoever comes later
finds `done` and skips it. Between the two there is a gap that no bookkeeping closes: a process that dies there may or
may not have had its effect. The claim then ends by itself, and who finds it ended is told that it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Json

EFFECT_CLAIM_LASTS = timedelta(seconds=30)  # renewed while the effect works; shorter than the default visibilityTimeout
ONCE_KEPT = timedelta(days=30)  # what is done is forgotten after that: longer than a message can come again and again


class ClaimState(StrEnum):
    """What a claim means to who wants the effect."""

    FREE = "free"  # nobody had it: it is yours
    DONE = "done"  # it has happened
    BUSY = "busy"  # somebody is at it now
    UNKNOWN = "unknown"  # somebody began it and never said how it ended


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim on one effect, as it stands in the store."""

    by: str  # a text of its own for each try; empty: nobody's, it was let go
    until: datetime  # it ends by itself then
    done: bool = False

    def to_remark(self) -> Json:
        """This claim as a remark."""
        return {"by": self.by, "until": rfc3339(self.until), "done": self.done}

    @classmethod
    def from_remark(cls, data: Mapping[str, Any]) -> Claim:
        """Read what `to_remark` gave."""
        return cls(str(data["by"]), parse_rfc3339(str(data["until"])), data.get("done") is True)


def claim_state(claim: Claim | None, now: datetime, skew: timedelta) -> ClaimState:
    """What `claim` means to who wants the effect now, where clocks may differ by `skew`."""
    if claim is not None and claim.done:
        return ClaimState.DONE
    if claim is None or not claim.by:
        return ClaimState.FREE
    return ClaimState.BUSY if now < claim.until + skew else ClaimState.UNKNOWN


def seconds_left(claim: Claim, now: datetime, skew: timedelta) -> float:
    """For how long somebody may still be at it."""
    return max((claim.until + skew - now).total_seconds(), 0.0)
