"""Which execution works on a key, for sources that do not see to that themselves: what a claim allows. Pure.

A key belongs to one execution at a time, which keeps `perKey` within itself. The claim is a remark in the store that is
changed by compare-and-swap, so of two who want it one gets it. It ends by itself, CLAIM_LASTS after it was last
renewed: that of a process that died is free again then, and nothing begins under it from its end on. Who takes it over
waits for the rate, too: a claim that was let go says when the next message may begin, and of one that ended by itself
it is assumed that a message began at its very end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import parse_rfc3339
from ebb.core.document import Json

CLAIM_LASTS = timedelta(seconds=30)
RENEWED_EVERY = CLAIM_LASTS / 3
PARKED_FIRST, PARKED_FOR = timedelta(seconds=1), timedelta(seconds=10)  # the shortest and the longest parking
REMARKS_KEPT = timedelta(days=8)  # of claims and parked messages: longer than a queue keeps a message, which is 7 days


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The claim on one key, as it stands in the store."""

    by: str  # a name of its own for each run of an execution; empty: nobody's, it was let go
    until: datetime  # it ends by itself then
    due: datetime | None = None  # when the next message may begin, by the rate

    def to_remark(self) -> Json:
        """This claim as a remark."""
        return {"by": self.by, "until": _exact(self.until), "due": _exact(self.due) if self.due else None}

    @classmethod
    def from_remark(cls, data: Mapping[str, Any]) -> KeyClaim:
        """Read what `to_remark` gave."""
        due = data.get("due")
        return cls(str(data["by"]), parse_rfc3339(str(data["until"])), parse_rfc3339(str(due)) if due else None)

    def renewed(self, now: datetime, due: datetime | None) -> KeyClaim:
        """The claim from now on, while its holder works."""
        return replace(self, until=now + CLAIM_LASTS, due=due)

    def let_go(self, now: datetime, due: datetime | None) -> KeyClaim:
        """The claim, free for others."""
        return KeyClaim("", now, due)


@dataclass(frozen=True, slots=True)
class Parkings:
    """How often a message was parked, as it stands in the store."""

    times: int = 0
    since: datetime | None = None  # the first time; None: never, or an older version noted it

    def to_remark(self) -> dict[str, Any]:
        """These as a remark."""
        return {"times": self.times, "since": _exact(self.since) if self.since else None}

    @classmethod
    def from_remark(cls, data: Mapping[str, Any]) -> Parkings:
        """Read what `to_remark` gave."""
        since = data.get("since")
        return cls(int(data["times"]), parse_rfc3339(str(since)) if since else None)

    def one_more(self, now: datetime) -> Parkings:
        """The same after another parking."""
        return Parkings(self.times + 1, self.since or now)


def claimed(
    before: KeyClaim | None, by: str, now: datetime, skew: timedelta, step: timedelta | None
) -> KeyClaim | None:
    """The claim for `by`, where clocks may differ by `skew`; None while another has it.

    Args:
        step: between two messages of a key, by the rate; None: there is none.
    """
    until = now + CLAIM_LASTS
    if before is None:
        return KeyClaim(by, until)
    if before.by in ("", by):
        return KeyClaim(by, until, before.due)
    if now < before.until + skew:
        return None
    return KeyClaim(by, until, before.until + step if step else None)


def parking_time(parked: int) -> timedelta:
    """For how long a message is parked whose key another execution has, after so many parkings: it may be free soon."""
    return min(PARKED_FIRST * 2 ** min(parked, 10), PARKED_FOR)


def _exact(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
