"""What the next cycle of a schedule would do: the Plan document of the API, and that of a plan under other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ebb.core.decision import Decision, Wait
from ebb.core.document import (
    ANY_OBJECT,
    COUNT,
    FLAG,
    SECONDS_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TIME_OR_NULL,
    Document,
    Schema,
    member,
    part,
    parts,
)
from ebb.core.documents import Backlog

_RATE: Schema = {"type": ["number", "null"], "minimum": 0, "description": "messages per second"}
_COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}


@dataclass(frozen=True, kw_only=True)
class Share(Document):
    """How many of the executions work on one of several sources."""

    name: str = member(TEXT)
    executions: int = member(COUNT)


@dataclass(frozen=True, kw_only=True)
class KnownRates(Document):
    """The speed of a schedule, as far as it is known."""

    message_seconds: float | None = member(SECONDS_OR_NULL, None)
    arrivals_per_second: float | None = member(_RATE, None)


@dataclass(frozen=True, kw_only=True)
class BudgetNow(Document):
    """How the budget of a schedule's downstream stands."""

    name: str = member(TEXT)
    breaker: str = member({"enum": ["closed", "open", "halfOpen"]})
    open_until: str | None = member(TIME_OR_NULL, None, said="when one message may try again; null unless it is open")
    refusals: int = member(COUNT, 0, said="of the downstream, in a row")
    rate: float | None = member(_RATE, None)
    rate_now: float | None = member({**_RATE, "description": "messages per second that are given out now"}, None)
    concurrency: int | None = member(_COUNT_OR_NULL, None)
    concurrency_now: int | None = member(_COUNT_OR_NULL, None)
    in_use: int = member(COUNT, 0, said="messages at once that executions may have now, of concurrencyNow")


@dataclass(frozen=True, kw_only=True)
class KeyLimits(Document):
    """What `perKey` allows the messages of one key. How many keys wait is not known before executions meet them."""

    concurrency: int = member(COUNT, said="messages of one key in handlers at once")
    rate: float | None = member({**_RATE, "description": "messages of one key per second"}, None)
    one_key_seconds: float | None = member(
        SECONDS_OR_NULL, None, said="that the backlog takes at least if it is all of one key; null: not known"
    )


@dataclass(frozen=True, kw_only=True)
class ScheduleBefore(Document):
    """A schedule that this one comes after (`after`)."""

    name: str = member(TEXT)
    has_drained: bool = member(FLAG, said="since this schedule last ran; it waits for all of them")
    is_working: bool = member(FLAG)
    intent: str = member(TEXT)


@dataclass(frozen=True, kw_only=True)
class Plan(Document):
    """What the next cycle does, when, and why."""

    name: str = member(TEXT)
    begins_at: str = member(TIME, said="when the next cycle that may act begins")
    blocked_by: str | None = member(
        TEXT_OR_NULL, None, said="why no cycle comes: stopped or paused, and the reason given"
    )
    backlog: Backlog | None = part(Backlog, None)
    decision: Decision = part(Decision)
    shares: tuple[Share, ...] | None = parts(
        Share, None, said="of several sources, in their order; with lanes the decision's reason says why"
    )
    wait: Wait | None = part(Wait, None)
    rates: KnownRates = part(KnownRates, KnownRates())
    missed_ticks: int = member(COUNT, 0)
    budget: BudgetNow | None = part(BudgetNow, None)
    per_key: KeyLimits | None = part(KeyLimits, None)
    after: tuple[ScheduleBefore, ...] = parts(ScheduleBefore)


@dataclass(frozen=True, kw_only=True)
class PlannedAgain(Document):
    """A recorded cycle, and what these settings would have decided with its backlog."""

    cycle: int = member(COUNT)
    measured_at: str = member(TIME)
    backlog: int = member(COUNT)
    executions: int | None = member({**COUNT, "type": ["integer", "null"]}, None, said="that it had")
    planned: Decision | None = part(Decision, None)


@dataclass(frozen=True, kw_only=True)
class OtherPlan(Plan):
    """The plan under settings that nobody has set yet."""

    settings: Mapping[str, Any] = member(ANY_OBJECT, said="that would be in force")
    recorded: tuple[PlannedAgain, ...] = parts(PlannedAgain)
