"""Notes: small documents by key, kept beside the history for what outlives an execution and is no part of a cycle.

    abandoned:<schedule>   an execution whose handlers still run, although it has ended: {"handlers", "until"}
    alone:<schedule>       a message that is handled by itself after a crash, by its id: {"tries"}
    poison:<queue>         a message that went to the poison place without its reason, by its id: {"reason", ...}

A note is written before what it tells of begins, and removed after that has ended; what a dead process left is
forgotten by age. The names of schedules and queues have no colon, so no scope is taken for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class Notes(Protocol):
    """Where notes are kept. All methods raise StoreUnavailableError when it cannot be reached."""

    async def write_note(self, scope: str, key: str, at: datetime, note: Mapping[str, Any]) -> None:
        """Write the note `key` of `scope`, in place of an older one. One request."""
        ...

    async def notes(self, scope: str) -> dict[str, dict[str, Any]]:
        """All notes of `scope` by key. One request a thousand."""
        ...

    async def delete_note(self, scope: str, key: str) -> None:
        """Remove a note; one that is not there is fine. One request."""
        ...

    async def trim_notes(self, scope: str, before: datetime) -> None:
        """Forget the notes of `scope` that were written before that time."""
        ...


def abandoned_scope(schedule: str) -> str:
    """Where the executions of `schedule` are noted whose handlers outlive them."""
    return f"abandoned:{schedule}"


def alone_scope(schedule: str) -> str:
    """Where the messages of `schedule` are noted that are handled by themselves."""
    return f"alone:{schedule}"


def poison_scope(queue: str) -> str:
    """Where the poisoned messages of `queue` are noted that could not carry their reason."""
    return f"poison:{queue}"
