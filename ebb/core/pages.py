"""A page of a long list, and the part of the past that a list is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Page:
    """One page of documents, newest first, and the token of the next page (None at the end)."""

    value: list[dict[str, Any]]
    continuation_token: str | None = None


@dataclass(frozen=True)
class Span:
    """A part of the history, both ends belonging to it; None: without that end."""

    start: datetime | None = None
    end: datetime | None = None


ALWAYS = Span()
