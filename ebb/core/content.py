"""A content that is read piece by piece, where it is too large to be held whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol


class Content(Protocol):
    """Knows where the content lies. It can be pickled, so that a handler in a process of its own can read it too."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    def chunks(self) -> AsyncGenerator[bytes]:
        """The content from its beginning, in pieces of a few MiB; may be called again.

        Raises:
            SourceError: it cannot be read, or has changed since the message was received.
        """
        ...
