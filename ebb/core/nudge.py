"""The event that ends a wait early: what stands in it, and which ones a schedule's loop has taken.

A nudge may come more than once. The Durable extension carries the event that ended a wait into the next generation
where SDK 1.x ends it by cancelling a timer (azure-functions-durable-extension 2606). So each one has an identity.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ebb.core.document import Json
from ebb.core.names import TRIGGER

REMEMBERED = 32  # the latest; one that comes again comes behind all others that were on their way
LONGEST_IDENTITY = 40  # characters; anybody with the key may send an event, and the loop keeps what it says


@dataclass(frozen=True)
class Nudge:
    """One nudge as it was sent."""

    identity: str | None = None  # None: of an older version of the app, or sent by hand; each counts as a new one
    is_trigger: bool = False  # an operator wants the next cycle although it may not be due

    def to_json(self) -> Json:
        """The data of the event."""
        return {"id": self.identity, "why": TRIGGER if self.is_trigger else None}

    @classmethod
    def from_json(cls, data: object) -> Nudge:
        """Read the data of any version, from any client.

        The Python client of SDK 1.x sends JSON as text, the HTTP API the value (azure-functions-durable-python 295).
        """
        if isinstance(data, str):
            with contextlib.suppress(ValueError):
                data = json.loads(data)
        if not isinstance(data, dict):
            return cls(is_trigger=data == TRIGGER)
        given = cast("dict[str, Any]", data)
        identity = given.get("id")
        return cls(identity[:LONGEST_IDENTITY] if isinstance(identity, str) else None, given.get("why") == TRIGGER)


def remembered(before: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """The identities to know from now on: the latest of those known before and those just taken."""
    return tuple(dict.fromkeys((*before, *taken)))[-REMEMBERED:]
