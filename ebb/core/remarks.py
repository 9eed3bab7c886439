"""Remarks: small documents by key, kept beside the history for what outlives an execution and is not part of a cycle.

    abandoned:<schedule>   an execution whose handlers still run, although it has ended: {"handlers", "until"}
    alone:<schedule>       a message that is handled by itself after a crash, by its id: {"tries"}
    crash:<schedule>       that an execution ended without a word, after its note is forgotten: {"until"}
    poison:<queue>         a message that went to the poison place without its reason, by its id: {"reason", ...}

A remark is written before what it tells of begins, and removed after that has ended; what a dead process left is
forgotten by age. The names of schedules and queues have no colon, so no scope is taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Remarks(Protocol):
    """Where remarks are kept. All methods raise StoreUnavailableError when it cannot be reached."""

    async def write_remark(self, scope: str, key: str, at: datetime, remark: Mapping[str, Any]) -> None:
        """Write the remark `key` of `scope`, in place of an older one. One request."""
        ...

    async def remarks(self, scope: str) -> dict[str, dict[str, Any]]:
        """All remarks of `scope` by key. One request a thousand."""
        ...

    async def delete_remark(self, scope: str, key: str) -> None:
        """Remove a remark; one that is not there is fine. One request."""
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


def poison_scope(queue: str) -> str:
    """Where the poisoned messages of `queue` are noted that could not carry their reason."""
    return f"poison:{queue}"
