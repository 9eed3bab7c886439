"""When a schedule fires next, as documents."""

from __future__ import annotations

from dataclasses import dataclass

from ebb.core.document import TEXT, TEXT_OR_NULL, TIME, Document, member, parts


@dataclass(frozen=True, kw_only=True)
class Fire(Document):
    """A time at which a cycle begins."""

    at: str = member(TIME)
    local: str = member(TEXT, said="in the schedule's time zone, with the weekday")
    reason: str = member(TEXT)
    note: str | None = member(TEXT_OR_NULL, None, said="what a change of the clocks does to it")


@dataclass(frozen=True, kw_only=True)
class NextTimes(Document):
    """When a schedule fires next. One that is stopped or paused is told as if it went on now."""

    name: str = member(TEXT)
    time_zone: str = member(TEXT)
    wait_mode: str = member(TEXT)
    blocked_by: str | None = member(TEXT_OR_NULL, None, said="why it does not fire then; null where it does")
    value: tuple[Fire, ...] = parts(Fire)
