"""What a cycle is going to do, seen as it opens: nothing yet, or so many executions, on which sources, and why.

Pure. The activity that opens a cycle follows it, the plan of the HTTP API shows it, and the simulator runs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ebb.core.budget import BudgetState
from ebb.core.calendar.ticks import TIMER_TOLERANCE, Moment
from ebb.core.calendar.windows import next_open
from ebb.core.carry import Carry
from ebb.core.clock import rfc3339
from ebb.core.decision import Decision, Wait
from ebb.core.documents import Backlog, SourceBacklog
from ebb.core.planning import plan, plan_several
from ebb.core.planning.abandoned import beside_abandoned, held_by_abandoned, without_abandoned
from ebb.core.planning.budgets import held_by_budget, until_it_opens
from ebb.core.planning.dependencies import Other, following, held_by_others
from ebb.core.planning.keda import rounded_up
from ebb.core.planning.lanes import Lane, lanes_told, share_by_weight, share_strictly
from ebb.core.planning.partitions import held_to_partitions
from ebb.core.planning.sharing import share_executions
from ebb.core.planning.waits import ended, next_wait, outside_windows, wait_for_tick
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import local_time


@dataclass(frozen=True, slots=True)
class Count:
    """What was measured of one source, or why not."""

    messages: int
    periodic: bool = False  # its message comes with the cycle itself
    error: str | None = None
    partitions: int | None = None  # of a partitioned source: each has one reader at a time
    oldest: datetime | None = field(
        default=None, compare=False
    )  # when the oldest message that the count met was put there


@dataclass(frozen=True, slots=True)
class Now:
    """Where the schedule stands as its cycle opens."""

    time: datetime
    idle: int = 0  # cycles in a row, before this one, that received nothing
    errors: int = 0  # cycles in a row, before this one, that failed
    triggered: bool = False  # an operator asked for this cycle: it need not be due
    cycle: int = 0  # its number
    seed: str = ""  # schedule and cycle, for jitter
    measured: datetime | None = None  # when the backlog was counted; None: at `time`
    abandoned: int = 0  # executions of earlier cycles with handlers that still run
    others: tuple[Other, ...] = ()  # the schedules that this one comes after
    budget: BudgetState | None = None  # of its downstream


@dataclass(frozen=True, slots=True)
class Agenda:
    """The plan of one cycle."""

    settings: ScheduleSettings  # as they are to be used: the slice ends with the window
    decision: Decision
    wait: Wait  # after the cycle, if it runs no execution
    carry: Carry
    shares: tuple[int, ...] = ()  # for several sources: the source of each execution
    end: str | None = None  # why the schedule has reached its end


def before_measuring(settings: ScheduleSettings, carry: Carry, now: Now) -> Agenda | None:
    """The agenda of a cycle for which nothing needs to be counted, because it may not run now; None where it may."""
    is_first = carry.began is None
    carry = carry.started(now.time)
    over = ended(settings, carry.began_at, carry.worked, now.time)
    if over is not None:
        return Agenda(settings, Decision(0, over, "endAfter", "ended"), Wait(0, over, "ended"), carry, end=over)
    wait = outside_windows(settings, now.time) or _not_due(settings, carry, now, is_first)
    wait = wait or held_by_others(settings, carry, now.others, now.triggered)
    if wait is None:
        return None
    planned = carry.planned(wait.end(now.time)) if settings.follows_ticks else carry
    return Agenda(settings, Decision(0, wait.reason, wait.limited_by, wait.code), wait, planned)


def after_measuring(settings: ScheduleSettings, carry: Carry, now: Now, counts: Sequence[Count]) -> Agenda:
    """The agenda for what was counted, one entry a source, in the order of the settings."""
    backlog, measured = sum(count.messages for count in counts), now.measured or now.time
    carry = replace(carry.started(now.time), abandoned=now.abandoned)
    if not any(count.error for count in counts):  # a part of the backlog would look like work that was done
        carry = carry.measuring(backlog, measured)
    if settings.scaling_strategy == "drainTime":
        carry = carry.aiming(backlog, measured, settings.drain_target)
    free = without_abandoned(settings, now.abandoned)
    held = Decided(held_by_abandoned(settings, now.abandoned), lanes=carry.lanes)
    decided = decide(free, carry, now, counts) if free else held
    decision, carry = decided.decision, replace(carry, lanes=decided.lanes)
    if free and now.abandoned and decision.executions:
        decision = beside_abandoned(decision, settings, now.abandoned)
    wait = next_wait(settings, idle_cycles=now.idle + 1 if free else 1, moment=_moment(carry, now))
    wait = until_it_opens(decision, wait, now.budget, now.time)
    if decision.executions == 0:
        carry = planned_after(settings, carry, wait, now.time)
    carry = following(carry, now.others, decision.executions > 0)
    used = _fairly_shared(_within_window(settings, now.time), backlog, decision.executions)
    return Agenda(used, decision, wait, carry, decided.shares)


def after_failing(settings: ScheduleSettings, carry: Carry, now: Now, error: str) -> Agenda:
    """The agenda of a cycle whose backlog could not be measured."""
    wait = next_wait(settings, error_cycles=now.errors + 1, moment=_moment(carry.started(now.time), now))
    decision = Decision(0, f"not measured: {error}", None, "notMeasured")
    return Agenda(settings, decision, wait, planned_after(settings, carry.started(now.time), wait, now.time))


def planned_after(settings: ScheduleSettings, carry: Carry, wait: Wait, now: datetime) -> Carry:
    """`carry` with the time for which `wait` plans the next cycle, where cycles have such a time."""
    return carry.planned(wait.end(now), wait.missed) if settings.follows_ticks else carry


def worth_acting_on(settings: ScheduleSettings, counts: Sequence[Count]) -> int:
    """Messages in the sources whose backlog is above their activation value; periodic ones have none."""
    return sum(
        count.messages
        for index, count in enumerate(counts)
        if not count.periodic and count.messages > settings.for_source(index).activation_queue_length
    )


def backlog_of(settings: ScheduleSettings, counts: Sequence[Count], measured: datetime) -> Backlog:
    """The backlog as status and history show it; with its parts where there are several sources."""
    several = settings.source is None
    sources = (
        SourceBacklog(name=source.label(), count=None if count.error else count.messages, error=count.error)
        for source, count in zip(settings.all_sources, counts, strict=True)
    )
    oldest = min((count.oldest for count in counts if count.oldest is not None), default=None)
    return Backlog(
        count=sum(count.messages for count in counts),
        measured_at=rfc3339(measured),
        oldest_enqueued_at=rfc3339(oldest) if oldest else None,
        sources=tuple(sources) if several else None,
    )


def _not_due(settings: ScheduleSettings, carry: Carry, now: Now, is_first: bool) -> Wait | None:
    """The wait of a cycle that was woken before its tick; None where it is due, or need not be."""
    if not settings.follows_ticks or now.triggered:
        return None
    due = carry.due_at
    if due is not None and now.time >= due - TIMER_TOLERANCE:
        return None
    if is_first and settings.wait_mode == "fixedRate":
        return None  # ticks are counted from it
    tick = wait_for_tick(settings, _moment(carry, now))
    if due is None or tick.end(now.time) <= due:
        return tick
    return Wait.at(due, now.time, f"not due before {local_time(due.astimezone(settings.zone))}", "notDue")


@dataclass(frozen=True, slots=True)
class Decided:
    """What counts call for."""

    decision: Decision
    shares: tuple[int, ...] = ()  # for several sources: the source of each execution
    lanes: Mapping[str, tuple[float, ...]] | None = None  # what lanes remember of it


def decide(settings: ScheduleSettings, carry: Carry, now: Now, counts: Sequence[Count]) -> Decided:
    """How many executions these counts call for, and for several sources the source of each."""
    if settings.source is not None:
        decision = plan(settings, counts[0].messages, carry.rates, carry.goal(now.time))
        decision = held_by_budget(settings, decision, now.budget, now.time)
        return Decided(held_to_partitions(decision, (0,) * decision.executions, counts)[0])
    backlogs: list[tuple[str, float, float, float]] = []
    for index, (source, count) in enumerate(zip(settings.all_sources, counts, strict=True)):
        own = settings.for_source(index)
        backlogs.append((source.label(), count.messages, own.queue_length, own.activation_queue_length))
    decision = plan_several(settings, backlogs, carry.rates, carry.goal(now.time))
    unknown = [f"{backlog[0]} ({count.error})" for backlog, count in zip(backlogs, counts, strict=True) if count.error]
    if unknown:
        decision = replace(decision, reason=f"{decision.reason}; left out, not measured: {', '.join(unknown)}")
    decision = held_by_budget(settings, decision, now.budget, now.time)
    demands = [count / target if count > activation else 0.0 for _, count, target, activation in backlogs]
    if settings.lanes == "none":
        shares = share_executions(decision.executions, demands, now.cycle)
        return Decided(*held_to_partitions(decision, shares, counts))
    return _decide_lanes(settings, carry, decision, demands, counts)


def _decide_lanes(
    settings: ScheduleSettings, carry: Carry, decision: Decision, demands: Sequence[float], counts: Sequence[Count]
) -> Decided:
    """`decision` with its executions shared out over the lanes."""
    if not decision.executions:
        return Decided(decision, lanes=carry.lanes)
    lanes: list[Lane] = []
    for source, demand, count in zip(settings.all_sources, demands, counts, strict=True):
        need = rounded_up(demand)
        most = need if count.partitions is None else min(need, count.partitions)
        lanes.append(Lane(source.label(), most, source.weight or 1.0))
    before = (carry.lanes or {}).get(settings.lanes, ())
    if settings.lanes == "strict":
        shared = share_strictly(decision.executions, lanes, before)
    else:
        shared = share_by_weight(decision.executions, lanes, before)
    told = replace(decision, reason=f"{decision.reason}; {lanes_told(settings.lanes, lanes, shared)}")
    shares = tuple(place for place, given in enumerate(shared.granted) for _ in range(given))
    memory = {settings.lanes: shared.memory} if any(shared.memory) else None
    return Decided(*held_to_partitions(told, shares, counts), memory)


def _moment(carry: Carry, now: Now) -> Moment:
    return Moment(now.time, None, carry.due_at, carry.began_at, carry.worked, now.seed)


def _fairly_shared(settings: ScheduleSettings, backlog: int, executions: int) -> ScheduleSettings:
    """The settings with batches no larger than an execution's share, or the first one would take what is for others."""
    if not executions or settings.source is None:
        return settings
    share = max(-(-backlog // executions), 1)
    return settings if share >= settings.batch_size else settings.model_copy(update={"batch_size": share})


def _within_window(settings: ScheduleSettings, now: datetime) -> ScheduleSettings:
    """The settings with a slice that ends no later than the window that is open."""
    span = next_open(settings.active_windows, settings.zone, now) if settings.windows else None
    if span is None:
        return settings
    left = max((span[1] - now).total_seconds(), 0.1)
    return settings.model_copy(update={"execution_slice": min(settings.execution_slice, left)})
