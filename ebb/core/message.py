"""One message taken from a source, as handlers and sources see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Message:
    """A message held under a lease by one execution.

    `receipt` belongs to the source: it proves the lease and changes when the lease is extended.
    """

    id: str
    body: bytes
    dequeue_count: int = 1  # how often it was received, this time included
    enqueued_at: datetime | None = None
    properties: Mapping[str, str] = field(default_factory=dict[str, str])
    receipt: str = ""
    report: Callable[[str], None] | None = field(default=None, repr=False, compare=False)  # set by the execution

    def progress(self, text: str) -> None:
        """Say how far the handler is, as in `message.progress("3 of 12 pages")`: operators see it within seconds."""
        if self.report is not None:
            self.report(text)

    @property
    def text(self) -> str:
        """The body as UTF-8 text.

        Raises:
            UnicodeDecodeError: the body is not UTF-8.
        """
        return self.body.decode()

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)
