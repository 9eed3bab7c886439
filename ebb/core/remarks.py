"""Remarks: small documents by key, kept beside the history for what outlives an execution and is not part of a cycle.

    abandoned:<schedule>   an execution whose handlers still run, although it has ended: {"handlers", "until"}
    budgets:               what a downstream may be asked to do, by the budget's name
    alone:<schedule>       a message that is handled by itself after a crash, by its id: {"tries"}
    crash:<schedule>       that an execution ended without a word, after its note is forgotten: {"until"}
    once:<schedule>        an effect of a handler that is to happen once: who claims it, or that it is done
    keys:<schedule>        which execution works on a key: {"by", "until", "due"}
    parked:<schedule>      a message that was given back for its key's sake, by its id: {"times", "since"}
    poison:<queue>         a message that went to the poison place without its reason, by its id: {"reason", ...}

A remark is written before what it tells of begins, and removed after that has ended; what a dead process left is
forgotten by age. The names of schedules and queues have no colon, so no scope is taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Json

BUDGETS = "budgets:"


@dataclass(frozen=True, slots=True)
class Noted:
    """A remark as it was read, for who wants to replace just this one."""

    remark: Json
    etag: str


class Remarks(Protocol):
    """Where remarks are kept. All methods raise StoreUnavailableError when it cannot be reached."""

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        """Write the remark `key` of `scope`, in place of an older one. One request."""
        ...

    async def remarks(self, scope: str) -> dict[str, Json]:
        """All remarks of `scope` by key. One request a thousand."""
        ...

    async def remark(self, scope: str, key: str) -> Noted | None:
        """One remark; None where there is none. One request."""
        ...

    async def swap_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any], etag: str | None) -> str:
        """Write a remark if it has not changed since it was read (`etag`; None: there must be none yet). One request.

        Returns:
            Its new etag.

        Raises:
            ConflictError: somebody else wrote or removed it first.
        """
        ...

    async def delete_remark(self, scope: str, key: str, etag: str | None = None) -> None:
        """Remove a remark, with `etag` only as it was read; one that is not there is fine. One request.

        Raises:
            ConflictError: somebody else wrote it meanwhile.
        """
        ...

    async def trim_remarks(self, scope: str, before: datetime) -> None:
        """Forget the remarks of `scope` that were written before that time."""
        ...


def abandoned_scope(schedule: str) -> str:
    """Where the executions of `schedule` are noted whose handlers outlive them."""
    return f"abandoned:{schedule}"


def alone_scope(schedule: str) -> str:
    """Where the messages of `schedule` are noted that are handled by themselves."""
    return f"alone:{schedule}"


def crash_scope(schedule: str) -> str:
    """Where it is remembered that an execution of `schedule` ended without a word."""
    return f"crash:{schedule}"


def keys_scope(schedule: str) -> str:
    """Where the executions of `schedule` claim keys."""
    return f"keys:{schedule}"


def parked_scope(schedule: str) -> str:
    """Where the messages of `schedule` are noted that were given back for their key's sake."""
    return f"parked:{schedule}"


def once_scope(schedule: str) -> str:
    """Where the effects of `schedule`'s handlers are claimed."""
    return f"once:{schedule}"


def poison_scope(queue: str) -> str:
    """Where the poisoned messages of `queue` are noted that could not carry their reason."""
    return f"poison:{queue}"


async def abandoned_executions(remarks: Remarks, schedule: str, now: datetime) -> int:
    """How many executions of `schedule` have handlers that still run although the execution has ended."""
    found = await remarks.remarks(abandoned_scope(schedule))
    return sum(1 for note in found.values() if now < parse_rfc3339(note["until"]))


async def remember_crash(remarks: Remarks, schedule: str, until: datetime, now: datetime) -> None:
    """Remember that an execution of `schedule`, which must have ended by `until`, ended without a word."""
    await remarks.write_remark(crash_scope(schedule), "latest", now, {"until": rfc3339(until)})


async def crashed_before(remarks: Remarks, schedule: str, since: datetime) -> bool:
    """Whether an execution that may have run until `since` or longer is remembered to have ended without a word."""
    found = await remarks.remarks(crash_scope(schedule))
    return any(since < parse_rfc3339(remark["until"]) for remark in found.values())
