"""All that is kept of one schedule: its intent, fence, totals and working notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ebb.core.decision import Decision
from ebb.core.document import COUNT, FLAG, TEXT, TEXT_OR_NULL, TIME, TIME_OR_NULL, Document, member, part
from ebb.core.documents import Backlog, Cycle


class Intent(StrEnum):
    """What an operator wants of a schedule."""

    RUNNING = "running"
    PAUSED = "paused"  # the loop lives and measures nothing
    STOPPED = "stopped"


@dataclass(frozen=True)
class Totals(Document):
    """Sums over all cycles of a schedule since it was first started; they survive the trimming of the history."""

    cycles: int = member(COUNT, 0)
    processed: int = member(COUNT, 0)
    failed: int = member(COUNT, 0)
    poisoned: int = member(COUNT, 0)
    at_least: bool = member(
        FLAG, False, said="a lower bound: a process died with what it had handled since its last note", left_out=True
    )

    def plus(self, cycle: Cycle) -> Totals:
        """These sums with one cycle more."""
        return Totals(
            cycles=self.cycles + 1,
            processed=self.processed + cycle.processed,
            failed=self.failed + cycle.failed,
            poisoned=self.poisoned + cycle.poisoned,
            at_least=self.at_least or cycle.at_least,
        )


@dataclass(frozen=True, kw_only=True)
class LastError(Document):
    """The latest error of a schedule, and how often it came."""

    message: str = member(TEXT)
    count: int = member(COUNT)
    first_at: str = member(TIME)
    at: str = member(TIME)


@dataclass(frozen=True, kw_only=True)
class PoisonCount(Document):
    """How many messages wait in the poison place, as last looked at."""

    count: int = member(COUNT)
    measured_at: str = member(TIME)


@dataclass(frozen=True, kw_only=True)
class UnclosedCycle(Document):
    """A cycle that was opened for work, and is in neither history nor totals yet."""

    cycle: int = member(COUNT)
    owner: str | None = member(TEXT_OR_NULL, None)
    started_at: str | None = member(TIME_OR_NULL, None)
    backlog: Backlog | None = part(Backlog, None)
    decision: Decision | None = part(Decision, None)
    outcome: str | None = member(TEXT, None, said="where it is known whatever its executions say", left_out=True)
    error: str | None = member(TEXT, None, said="what kept it from having executions", left_out=True)


@dataclass(frozen=True)
class ScheduleRow:
    """All that is kept of one schedule. A schedule that was never touched has the defaults and no `etag`."""

    name: str
    intent: Intent = Intent.STOPPED
    reason: str | None = None  # given with the latest change of intent
    changed_by: str | None = None
    changed_at: datetime | None = None
    until: datetime | None = None  # when a pause ends by itself
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    overrides_base: Mapping[str, Any] | None = None  # what the file said of the overridden settings when they were set
    hub: str | None = None  # the task hub in which the schedule was started last: only its watchdog restarts it
    launch: int = 0  # how often an instance was launched for it
    triggered: str | None = None  # id of an operator's trigger that no cycle has taken up yet
    starting_until: datetime | None = None  # one starter at a time: whoever set this starts the instance
    owner: str | None = None  # the fence: task hub / instance / execution
    owner_launch: int = 0  # which launch the owner is; 0: not known
    owner_until: datetime | None = None  # end of the fence, and the promised next check-in
    checked_in_at: datetime | None = None  # when its owner last wrote an opening or a closing on it
    working_until: datetime | None = None  # executions of `owner` may run until then; None: none does
    cycle: int = 0  # the latest cycle begun
    cycle_for: int | None = None  # the number that its owner came with for it; 0: with none; None: not known
    closed_cycle: int = 0  # the latest cycle counted in `totals`
    drained_cycle: int = 0  # the latest cycle that left nothing behind: schedules with `after` run then
    unclosed: tuple[UnclosedCycle, ...] = ()
    cancelled: Mapping[str, str | None] | None = None  # executions to be ended, as "cycle-index", with the reason
    totals: Totals = Totals()
    backlog: Backlog | None = None  # of the latest measurement
    last_cycle: Mapping[str, Any] | None = None  # Cycle document of the latest cycle with work or error, no executions
    error: str | None = None  # of the latest cycle
    poison: PoisonCount | None = None
    failures: int = 0  # cycles in a row in which nothing succeeded
    last_error: LastError | None = None  # kept until another one comes
    memory: Mapping[str, Any] | None = None  # {"since", "carry"}: what an instance goes on with where one died
    looks: Mapping[str, Any] | None = None  # samples of the backlog that are not in the history yet
    history_count: int = 0  # cycles in the history, for trimming; may be a little too high, never too low
    restarts: int = 0  # watchdog restarts in a row
    restarted_at: datetime | None = None
    restart_cause: str | None = None  # of the latest of them
    etag: str | None = None  # version of the row as read; None where it does not exist yet

    def is_paused(self, now: datetime) -> bool:
        """Whether a pause is on: one with an end ends by itself, before anybody writes that down."""
        return self.intent is Intent.PAUSED and (self.until is None or now < self.until)

    def released(self, now: datetime) -> ScheduleRow:
        """The row let go of by its owner: whoever comes next may act, once no execution of the owner can be at work."""
        if self.working_until is not None and now < self.working_until:
            return replace(self, owner_until=self.working_until, starting_until=None)
        return replace(self, owner=None, owner_until=None, working_until=None, starting_until=None)
