"""The rules of a check-in: may this instance act, what number has its cycle, and what stands on the row afterwards.

Pure over the row. Activities run at least once, and the second run may come late: after the cycle has ended, or after
another instance took over. No rule here may therefore let a late one take anything back. The first line that fits:

    what stands on the row             opening   the row afterwards
    stopped                            END       let go of by its owner, unless late
    launched again since               END       as it was
    another instance's fence           END       as it was
    a later state of this instance     END       as it was
    executions of an earlier run       HOLD      as it was, but not being started
    paused                             HOLD      the fence taken or renewed, unless a lapsed owner stands there
    none of these                      GO        the fence taken or renewed, the cycle counted
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ebb.core.carry import Carry, carry_of, memory_of
from ebb.core.clock import rfc3339
from ebb.core.cycle import CycleState, Opening, Verdict
from ebb.core.planning import Decision, Wait
from ebb.core.row import books
from ebb.core.row.execution_note import ExecutionNote
from ebb.core.row.fence import Fence, Standing, promise
from ebb.core.row.schedule_row import Intent, ScheduleRow
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import duration

SILENT = timedelta(seconds=12)  # since the last beat of an execution; it beats every 5 s (LOOK_EVERY)
REDELIVERED = timedelta(seconds=100)  # since the last beat: host.json's workItemQueueVisibilityTimeout, and room

LOOK_AGAIN = 2.0  # seconds, at executions of an earlier run that may end long before they must


def verdict_of(
    row: ScheduleRow, state: CycleState, now: datetime, skew: timedelta, settings: ScheduleSettings
) -> Opening | None:
    """The opening of a cycle that must not act; None where it may."""
    if row.intent is Intent.STOPPED:
        return _end(f"stopped: {row.reason}" if row.reason else "stopped")
    if 0 < state.launch < row.launch:
        return _end(f"the schedule was launched again since: this is launch {state.launch}, the latest is {row.launch}")
    standing = _standing(row, state, now, skew)
    if standing is Standing.FOREIGN:
        until = rfc3339(row.owner_until) if row.owner_until else "further notice"
        return _end(f"another instance acts for this schedule until {until}: {row.owner}")
    if _is_late(row, state):
        return _end(f"cycle {row.cycle} has begun; this is a late repetition of cycle {state.cycle}")
    if standing is Standing.PREDECESSOR and row.working_until:
        seconds = max((row.working_until + skew - now).total_seconds(), 0.1)
        until = rfc3339(row.working_until)
        reason = f"executions of an earlier run may work until {until}; waiting {duration(seconds)} at most"
        return Opening(Verdict.HOLD, Wait(min(seconds, LOOK_AGAIN), reason), Decision(0, reason))
    if row.is_paused(now):
        return _paused(row, now, settings)
    return None


def outlived(
    row: ScheduleRow, state: CycleState, working: Sequence[ExecutionNote], now: datetime, skew: timedelta
) -> ScheduleRow:
    """The row as it counts once no execution of an earlier launch is at work.

    Whoever begins an execution notes it first and looks at the row's launch after that; the launch stands on the row
    since before this was asked. So an execution that is not in `working` will not begin any more.
    """
    if row.owner_launch == 0 or row.owner_launch >= state.launch:
        return row
    busy = any(each.owner != state.owner and each.is_at_work(now, skew) for each in working)
    return row if busy else replace(row, working_until=None)


def has_silent_sibling(mine: ExecutionNote, noted: Sequence[ExecutionNote], now: datetime) -> bool:
    """Whether another execution of the cycle of `mine` has said nothing for long: its host died, or stands still.

    The cycle cannot end before its work was given to another host, so whoever can goes on meanwhile. After REDELIVERED
    that has happened, and the note of the dead run tells nothing any more.
    """
    others = [each for each in noted if (each.owner, each.cycle) == (mine.owner, mine.cycle) and each.run != mine.run]
    over = {each.index for each in others if each.has_ended} | {mine.index}  # and earlier runs of this very execution
    beats = [(each.index, each.beat) for each in others if each.beat is not None and each.index not in over]
    latest = {index: max(beat for at, beat in beats if at == index) for index, _ in beats}
    return any(SILENT < now - beat < REDELIVERED for beat in latest.values())


def unreported(noted: Sequence[ExecutionNote], reported: Collection[str | None], now: datetime) -> bool:
    """Whether a run of a cycle whose executions have all answered is at work all the same.

    Durable takes the first answer of an execution that it has delivered twice; the other run goes on until it looks.

    Args:
        noted: the notes of the cycle.
        reported: the runs that have answered.
    """
    left = (note for note in noted if not note.has_ended and note.run not in reported and now < note.until)
    return any(note.beat is not None and now - note.beat <= SILENT for note in left)


def done_at(row: ScheduleRow, noted: Sequence[ExecutionNote], now: datetime) -> datetime | None:
    """When the last execution of the present cycle ended; None if one may still work or begin, or it has none.

    A run that never said its last word has ended once it must have, and nobody was given its work again.

    Args:
        noted: the notes of the schedule.
    """
    entry = next((each for each in row.unclosed if (each.owner, each.cycle) == (row.owner, row.cycle)), None)
    if entry is None or entry.decision is None:
        return None
    mine = [note for note in noted if (note.owner, note.cycle) == (row.owner, row.cycle)]
    missing = entry.decision.executions - len({note.index for note in mine})
    ends = [note.beat if note.has_ended else note.until + REDELIVERED for note in mine]
    last = max((end for end in ends if end is not None), default=None)
    return None if missing > 0 or last is None or last > now else last


def written_at(row: ScheduleRow, phase: str | None, cycle: int | None) -> datetime | None:
    """When the opening or the closing that an instance waits for was written on the row; None where it was not.

    Args:
        phase: what the instance says that it does, and `cycle` the number that it says.
    """
    if phase == "measuring":
        is_written = row.owner_launch == row.launch and row.cycle_for == (cycle or 0)
    else:
        is_written = phase == "processing" and cycle is not None and row.cycle == cycle and books.is_closed(row, cycle)
    return row.checked_in_at if is_written else None


def number_of(row: ScheduleRow, state: CycleState) -> int:
    """The number of the cycle that `state` opens: handed on, or the next one; a repeated opening gets the same."""
    if row.owner != state.owner:  # others may have counted on since this instance got its number
        return max(row.cycle + 1, state.cycle or 0)
    if state.cycle is None:
        return row.cycle if row.cycle > row.closed_cycle else row.cycle + 1
    if row.cycle_for is None:
        return state.cycle
    return row.cycle if row.cycle_for == state.cycle else max(row.cycle + 1, state.cycle)


def checked_in(row: ScheduleRow, state: CycleState, opening: Opening, longest: float, now: datetime) -> ScheduleRow:
    """The row after this check-in; unchanged where another instance acts, or a later cycle of this one.

    Args:
        longest: seconds that an execution of this cycle may run.
    """
    if opening.verdict is Verdict.END:
        stopped = row.owner == state.owner and row.intent is Intent.STOPPED and not _is_late(row, state)
        return row.released(now) if stopped else row
    if opening.verdict is Verdict.HOLD and row.owner not in (state.owner, None):
        return replace(row, starting_until=None)
    working = opening.decision.executions > 0
    until = promise(now, longest if working else opening.wait.seconds)
    working_until = until if working else None
    if row.owner == state.owner and row.working_until is not None and (opening.cycle or 0) <= row.cycle:
        working_until = max(row.working_until, working_until or row.working_until)  # a repetition: they may be at work
        until = max(until, working_until)
    if row.intent is Intent.PAUSED and opening.verdict is Verdict.GO:
        row = replace(row, intent=Intent.RUNNING, until=None, reason="the pause has ended", changed_at=now)
    kept = row.cycle_for if row.owner == state.owner else 0
    return replace(
        books.opened(row, state.owner, opening),
        owner=state.owner,
        owner_launch=state.launch,
        owner_until=until,
        checked_in_at=now,
        working_until=working_until,
        starting_until=None,
        cycle=opening.cycle or row.cycle,
        cycle_for=kept if opening.cycle is None else state.cycle or 0,
        backlog=opening.backlog or row.backlog,
        error=opening.error,
        memory=row.memory if opening.carry is None else memory_of(opening.carry, row.changed_at),
    )


def taken_up(row: ScheduleRow, opening: Opening, trigger: str | None) -> ScheduleRow:
    """The row without `trigger`, once a cycle that knows of it goes; one that came later stays for the next."""
    return replace(row, triggered=None) if opening.verdict is Verdict.GO and row.triggered == trigger else row


def rested(
    row: ScheduleRow, state: CycleState, number: int, seconds: float, now: datetime, carry: Carry | None = None
) -> ScheduleRow:
    """The row of an owner whose executions of cycle `number` have ended and that sleeps for `seconds`.

    Unchanged where another instance acts, or where a later cycle has begun: its executions may be working.

    Args:
        carry: what the next cycle goes on with; None leaves what the opening wrote.
    """
    if row.owner != state.owner or row.cycle > number:
        return row
    memory = row.memory if carry is None else memory_of(carry, row.changed_at)
    return replace(row, owner_until=promise(now, seconds), checked_in_at=now, working_until=None, memory=memory)


def remembering(row: ScheduleRow, state: CycleState) -> CycleState:
    """The state of a new instance with what the one before it knew, if that one died: its ticks, its end, its speed.

    An operator's start, stop, pause or resume starts the memory again; the row's `changed_at` tells.
    """
    known = carry_of(row.memory, row.changed_at)
    if known is None or state.cycle is not None or state.carry != Carry():
        return state
    return replace(state, carry=known)


def is_predecessor(row: ScheduleRow, state: CycleState, now: datetime, skew: timedelta) -> bool:
    """Whether executions that an earlier run of this instance left behind may be at work."""
    return _standing(row, state, now, skew) is Standing.PREDECESSOR


def _standing(row: ScheduleRow, state: CycleState, now: datetime, skew: timedelta) -> Standing:
    return Fence(row.owner, row.owner_until, row.working_until).standing(state.owner or "", now, skew)


def _is_late(row: ScheduleRow, state: CycleState) -> bool:
    """Whether this instance has gone on since it was in `state`.

    What counts is the number that its latest state came with, not the one that it was given: that is higher where
    another owner has counted on meanwhile, and `state` may be the very one that it was given to.
    """
    if row.owner != state.owner or state.cycle is None:
        return False
    return (row.cycle if row.cycle_for is None else row.cycle_for) > state.cycle


def _end(reason: str) -> Opening:
    return Opening(Verdict.END, Wait(0, reason))


def _paused(row: ScheduleRow, now: datetime, settings: ScheduleSettings) -> Opening:
    why = f"paused: {row.reason}" if row.reason else "paused"
    seconds = settings.max_polling_interval
    if row.until is not None:
        why += f", until {rfc3339(row.until)}"
        seconds = min(seconds, max((row.until - now).total_seconds(), 0.1))
    return Opening(Verdict.HOLD, Wait(seconds, why), Decision(0, why))
