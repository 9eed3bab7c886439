"""Who may act for a schedule: the lease on its row, as pure rules over plain values.

The owner is one orchestration instance: `task hub/instance id/token`. Its lease (`owner_until`) is also its promise to
check in again. Whoever takes over from another allows for a difference of the machines' clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CHECK_IN_SLACK = timedelta(seconds=30)  # time for activities to be queued and picked up


class Standing(StrEnum):
    """How an instance stands to the fence."""

    HELD = "held"  # its own, or free to take
    PREDECESSOR = "predecessor"  # an earlier run of the same instance may still have executions
    FOREIGN = "foreign"  # another instance acts for the schedule


@dataclass(frozen=True)
class Fence:
    """The fence as it stands on the row of a schedule."""

    owner: str | None
    until: datetime | None  # end of the lease
    working_until: datetime | None  # executions of the owner may run until then

    def standing(self, candidate: str, now: datetime, skew: timedelta) -> Standing:
        """How `candidate` stands at `now`, when clocks may differ by `skew`.

        Durable Functions runs at most one instance of an id in a task hub. So an owner with the candidate's hub and
        instance is dead, and only the executions that it left behind have to be waited for.
        """
        if self.owner is None or self.owner == candidate:
            return Standing.HELD
        if _instance(self.owner) == _instance(candidate):
            busy = self.working_until is not None and now < self.working_until + skew
            return Standing.PREDECESSOR if busy else Standing.HELD
        taken = self.until is not None and now < self.until + skew
        return Standing.FOREIGN if taken else Standing.HELD


def promise(now: datetime, seconds: float) -> datetime:
    """When an owner that goes to sleep or to work for `seconds` will have checked in again."""
    return now + timedelta(seconds=seconds) + CHECK_IN_SLACK


def hub_of_owner(owner: str) -> str:
    """The task hub of `owner`."""
    return owner.split("/", 1)[0]


def _instance(owner: str) -> str:
    return owner.rsplit("/", 1)[0]
