"""The contract of a feed: puts messages where a source finds them. For people and tests; the app uses none."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Feed(Protocol):
    """Where messages are put. Safe to call concurrently."""

    name: str  # of the place: a queue, a topic, a container
    host: str  # and where that is: `host:port`

    def refusal(self, body: bytes) -> str | None:
        """Why the place would not take `body`, or could not give it back; None where it can do both."""
        ...

    async def put(self, body: bytes) -> str | None:
        """Add a message; a place that is missing is made where its kind can do so.

        Returns:
            Its id, as the source gives it later; None where the place does not tell.

        Raises:
            SourceError: it cannot be added.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class CountingFeed(Feed, Protocol):
    """A feed that tells the id of each message and how many its place holds, for the account of a run."""

    async def put(self, body: bytes) -> str:
        """As of `Feed`; the id of the message."""
        ...

    async def make(self) -> object:
        """Make the place; one that is there already is fine.

        Raises:
            SourceUnavailableError: it cannot be reached or made.
        """
        ...

    async def count(self) -> int:
        """About how many messages the place holds: those that somebody works on are counted too.

        Raises:
            SourceError: it cannot be reached.
        """
        ...
