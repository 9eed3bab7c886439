"""What a kind can say of a source of its own beyond the count: for the doctor, before anything is drained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Hint:
    """One thing that will go wrong; `code` is stable, for scripts, and the texts are for people and hold no secret."""

    code: str
    what: str
    why: str
    fix: str
    is_error: bool = False  # it does not work now; else it works, until it does not


class AccountLook(Protocol):
    """Read-only questions to a storage account, for kinds that lie there (`Kind.account_hints`)."""

    def queue_count(self, name: str) -> int | None:
        """Messages in queue `name`; None when there is no such queue."""
        ...

    def peek(self, name: str) -> list[str]:
        """The texts of the first messages of queue `name`, as they are there; they stay where they are."""
        ...
