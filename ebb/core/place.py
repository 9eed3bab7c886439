"""Where code is at work: the schedule, cycle and execution that its log lines name."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar


class Place:
    """Where code is at work, and what each of its threads has printed of a line that is not complete yet."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.fields = dict(fields)
        self.begun: dict[int, str] = {}


present_place: ContextVar[Place | None] = ContextVar("ebb_place", default=None)


def place_fields() -> Mapping[str, object]:
    """`schedule`, `cycle` and `execution` of the code that asks; nothing outside an execution."""
    place = present_place.get()
    return place.fields if place is not None else {}
