"""The contract of a poison place: where a source puts the messages that can't be handled, for people to look at.

Not part of `Source`, because executions only ever put something there. Everything here is for an operator's hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

PEEK_LIMIT = 32  # the most that a storage queue shows without taking them


@dataclass(frozen=True)
class Poisoned:
    """One message in a poison place."""

    id: str  # within the poison place
    reason: str | None
    body: bytes
    about: Mapping[str, Any]  # what else is known: originalId, dequeueCount, enqueuedAt, deadLetteredAt

    def holds(self, text: str | None) -> bool:
        """Whether body, reason or id has `text` in it, in any case of letters; None is in everything."""
        if text is None:
            return True
        body = self.body.decode(errors="replace")
        return any(text.casefold() in each.casefold() for each in (body, self.reason or "", self.id))


class PoisonPlace(Protocol):
    """A place where poison messages wait for a decision. Methods raise SourceUnavailableError, as a source's do."""

    async def count(self) -> int:
        """How many messages are there, as far as the service can say."""
        ...

    async def peek(self, limit: int) -> list[Poisoned]:
        """The first messages, at most `limit` (1 to PEEK_LIMIT); changes nothing."""
        ...

    async def requeue(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        """Put messages back into the source, as new ones, and only then remove them here.

        Args:
            ids: which; None means all.
            limit: the most to put back in this call.
            text: only those that hold it (`Poisoned.holds`).

        Returns:
            How many were put back. A crash in between leaves a message in both places, never in none.
        """
        ...

    async def purge(self, ids: frozenset[str] | None, limit: int, text: str | None = None) -> int:
        """Remove messages for good; arguments and result as of `requeue`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class ListingPoisonPlace(PoisonPlace, Protocol):
    """A poison place that can name all that it holds, for the account of a run."""

    async def ids(self) -> set[str]:
        """The ids that the messages had in their own place; looking may hide them for a moment."""
        ...
