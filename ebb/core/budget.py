"""What a budget allows now: who may begin how many messages, and when. Pure; the state lies in the store.

*Rate.* Time itself is given out: a portion is an interval of its own on one line of time, as long as its messages take
at the rate, and its messages begin within it or not at all. No two portions overlap, so all who share the budget are
never over the rate by more than one portion, whoever crashes: what a dead process had is lost, not given out twice.

*Concurrency.* Slots are leased for SLOTS_LAST and renewed; those of a dead process come back by themselves.

*Learning.* Each refusal of the downstream (429, 503, RetryAfter) halves the share of the budget that is given out, once
a portion; each second without one gives RECOVERS back (additive increase, multiplicative decrease as in TCP, RFC 5681).

*Breaker.* A refusal that says for how long, or REFUSALS_OPEN in a row, open it: nothing is given out until then. After
that it is half open: one message goes, and its outcome closes the breaker or opens it again for twice as long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ebb.core.clock import parse_rfc3339, rfc3339
from ebb.core.document import Json
from ebb.core.settings.budget import BudgetSettings

PORTION = 1.0  # seconds of the rate that one portion has at most; at least one message
AHEAD = timedelta(seconds=10)  # no portion begins later than this from now
SLOTS_LAST = timedelta(seconds=30)
PROBE_LASTS = timedelta(seconds=60)  # for the one message of a breaker that is half open; then another may go
LOWEST_SHARE, RECOVERS = 0.05, 0.02  # of the budget; a second
REFUSALS_OPEN, IN_A_ROW = 5, 10.0  # refusals; seconds without one after which they are counted again
FIRST_OPEN, LONGEST_OPEN = 5.0, 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Slots:
    """Messages that one holder may have at once."""

    number: int
    until: datetime


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget as it stands in the store."""

    free_from: datetime | None = None  # up to here time is given out
    share: float = 1.0  # of the budget, at `refused_at`
    refused_at: datetime | None = None
    refusals: int = 0  # in a row
    open_until: datetime | None = None  # set until a message was accepted again
    open_seconds: float = 0.0  # for how long it was opened last
    probe_until: datetime | None = None  # somebody tries now whether it may be closed
    slots: Mapping[str, Slots] = field(default_factory=dict[str, Slots])

    def to_remark(self) -> Json:
        """This state as a remark."""
        times = {name: getattr(self, name) for name in ("free_from", "refused_at", "open_until", "probe_until")}
        return {
            **{name: _exact(moment) if moment else None for name, moment in times.items()},
            "share": self.share,
            "refusals": self.refusals,
            "open_seconds": self.open_seconds,
            "slots": {holder: [each.number, _exact(each.until)] for holder, each in self.slots.items()},
        }

    @classmethod
    def from_remark(cls, data: Mapping[str, Any] | None) -> BudgetState:
        """Read what `to_remark` gave; nothing: nobody has used it yet."""
        if data is None:
            return cls()
        times = {name: data.get(name) for name in ("free_from", "refused_at", "open_until", "probe_until")}
        return cls(
            share=float(data["share"]),
            refusals=int(data["refusals"]),
            open_seconds=float(data["open_seconds"]),
            slots={
                holder: Slots(int(number), parse_rfc3339(until)) for holder, (number, until) in data["slots"].items()
            },
            **{name: parse_rfc3339(text) if text else None for name, text in times.items()},
        )

    def share_now(self, now: datetime) -> float:
        """Which share of the budget is given out now."""
        if self.refused_at is None:
            return 1.0
        return min(1.0, self.share + RECOVERS * max((now - self.refused_at).total_seconds(), 0.0))

    def is_open(self, now: datetime) -> bool:
        """Whether nothing is given out because the downstream refuses."""
        return self.open_until is not None and now < self.open_until

    @property
    def is_tripped(self) -> bool:
        """Whether the breaker is open or half open."""
        return self.open_until is not None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one holder may do."""

    messages: int = 0  # that it may begin, one after the other, `step` apart
    begins: datetime | None = None
    step: float = 0.0  # seconds
    slots: int = 0  # messages at once
    until: datetime | None = None  # the slots end then
    is_probe: bool = False  # its outcome closes the breaker, or opens it again
    again: float = 0.0  # seconds after which to ask again, where it got nothing
    why: str = ""


def take(
    budget: BudgetSettings, state: BudgetState, holder: str, now: datetime, messages: int, slots: int
) -> tuple[BudgetState, Grant]:
    """Give `holder` a portion for up to `messages`, and up to `slots` at once, those that it has included."""
    if state.open_until is not None:
        return _while_tripped(budget, state, holder, now)
    state, held = _with_slots(budget, state, holder, now, slots)
    if budget.concurrency is not None and not held:
        return state, Grant(again=1.0, why="all of its slots are in use")
    if budget.rate is None or not messages:
        return state, Grant(slots=held, until=now + SLOTS_LAST)
    rate = budget.rate * state.share_now(now)
    begins = max(state.free_from or now, now)
    if begins > now + AHEAD:
        return state, Grant(slots=held, again=(begins - now - AHEAD).total_seconds(), why="its rate is used up")
    number = max(1, min(messages, math.floor(rate * PORTION)))
    state = replace(state, free_from=begins + timedelta(seconds=number / rate))
    return state, Grant(number, begins, 1 / rate, held, now + SLOTS_LAST)


def refused(state: BudgetState, now: datetime, seconds: float | None) -> BudgetState:
    """After the downstream refused a message; `seconds` is for how long it wants to be left alone, if it said so."""
    was_probe = state.is_tripped and not state.is_open(now)
    since = (now - state.refused_at).total_seconds() if state.refused_at else math.inf
    state = state if since < IN_A_ROW else replace(state, refusals=0)
    lately = since < PORTION
    share = state.share if lately else max(state.share_now(now) / 2, LOWEST_SHARE)
    state = replace(state, share=share, refused_at=state.refused_at if lately else now, refusals=state.refusals + 1)
    if seconds is None and not was_probe and state.refusals < REFUSALS_OPEN:
        return state
    doubled = min(max(state.open_seconds * 2, FIRST_OPEN), LONGEST_OPEN)
    lasts = doubled if seconds is None else seconds
    until = max(now + timedelta(seconds=lasts), state.open_until or now)
    return replace(state, open_until=until, open_seconds=min(lasts, LONGEST_OPEN), probe_until=None)


def accepted(state: BudgetState) -> BudgetState:
    """After the downstream took a message again: the breaker is closed, the share recovers from where it is."""
    return replace(state, refusals=0, open_until=None, open_seconds=0.0, probe_until=None)


def given_back(state: BudgetState, holder: str) -> BudgetState:
    """Without the slots of `holder`."""
    return replace(state, slots={name: each for name, each in state.slots.items() if name != holder})


def _while_tripped(budget: BudgetSettings, state: BudgetState, holder: str, now: datetime) -> tuple[BudgetState, Grant]:
    assert state.open_until is not None
    if now < state.open_until:
        left = (state.open_until - now).total_seconds()
        return state, Grant(again=left, why=f"the downstream refuses until {rfc3339(state.open_until)}")
    if state.probe_until is not None and now < state.probe_until:
        return state, Grant(again=1.0, why="one message tries whether the downstream takes any again")
    state = replace(given_back(state, holder), probe_until=now + PROBE_LASTS)
    step = 1 / budget.rate if budget.rate else 0.0
    return state, Grant(1, now, max(step, 1.0), 1, now + SLOTS_LAST, is_probe=True)


def _with_slots(
    budget: BudgetSettings, state: BudgetState, holder: str, now: datetime, wanted: int
) -> tuple[BudgetState, int]:
    """The state with the slots of `holder`: what it has, and of the free ones half, so that others find some too."""
    if budget.concurrency is None:
        return state, wanted
    living = {name: each for name, each in state.slots.items() if now < each.until and name != holder}
    mine = state.slots.get(holder)
    had = mine.number if mine is not None and now < mine.until else 0
    whole = max(1, math.floor(budget.concurrency * state.share_now(now)))
    free = max(whole - sum(each.number for each in living.values()), 0)
    granted = min(wanted, free, max(had, had + math.ceil((free - had) / 2)))
    if granted:
        living[holder] = Slots(granted, now + SLOTS_LAST)
    return replace(state, slots=living), granted


def _exact(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
