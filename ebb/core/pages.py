"""A page of a long list, and the part of the past that a list is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ebb.core.document import Document, Json

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Page:
    """One page of documents, newest first, and the token of the next page (None at the end).

    The documents are as they were written: what a newer version of the app added is handed on by an older one.
    """

    value: list[Json]
    continuation_token: str | None = None

    def read(self, kind: type[D]) -> list[D]:
        """The documents, read as `kind`."""
        return [kind.from_document(each) for each in self.value]


@dataclass(frozen=True)
class Span:
    """A part of the history, both ends belonging to it; None: without that end."""

    start: datetime | None = None
    end: datetime | None = None


ALWAYS = Span()
