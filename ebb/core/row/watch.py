"""What the watchdog makes of a schedule: compares what should be with what is, and tells promised sleep from silence.

Pure. An instance that has ended although its schedule should run is started again at once; one that is there and keeps
silent only after all that it promised, and a grace, are over. In the middle of a cycle it has promised nothing: there
it may wait for its turn behind the executions of other schedules, and for a slow source. A schedule that keeps dying is
started ever more rarely.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ebb.core.clock import rfc3339
from ebb.core.failures import CODE_CHANGED
from ebb.core.names import instance_id
from ebb.core.row.checkin import written_at
from ebb.core.row.instance import Instance
from ebb.core.row.schedule_row import Intent, ScheduleRow

FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)
CHANGES_AT_ONCE = 3  # starts in a row without a rest after a change of code: forth, back and forth again
UNSEEN = timedelta(seconds=20)  # after which a command that the instance has not looked at is worth another nudge

# What an activity that is not an execution takes at the longest, with room for conflicts: the two requests that count a
# queue take up to 45 s each where nothing answers, and each of its half dozen calls to the tables up to 20 s.
LONGEST_STEP = timedelta(minutes=5)

# What the answer of an execution takes on its way, and a turn of the orchestration: queues are polled each 5 s.
LONGEST_ANSWER = timedelta(seconds=30)


class Act(StrEnum):
    """What to do about a schedule."""

    NOTHING = "nothing"
    START = "start"  # its instance is gone
    REPLACE = "replace"  # its instance is there and silent
    NUDGE = "nudge"  # it sleeps and has not seen the latest command
    CALM = "calm"  # it has lived long enough since the last start for the count of starts to begin again


@dataclass(frozen=True)
class Work:
    """The executions of one cycle of any schedule in this task hub: while at work they hold places of activities."""

    opened_at: datetime | None  # when the cycle was opened; None: not known
    until: datetime  # when they ended, or must have ended
    schedule: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known of one schedule at one moment."""

    row: ScheduleRow
    instance: Instance  # of this schedule in `hub`
    hub: str  # the task hub of the watchdog that looks
    watched_since: datetime  # silence before that may have been ours
    work: tuple[Work, ...] = ()  # of all schedules: each one's present cycle, and the one before
    done_at: datetime | None = None  # when the last execution of its present cycle ended; None while one may work

    @property
    def is_owner(self) -> bool:
        """Whether the fence is in the hands of this instance, of whatever execution of it."""
        owner = self.row.owner
        return owner is not None and owner.rsplit("/", 1)[0] == f"{self.hub}/{instance_id(self.row.name)}"


@dataclass(frozen=True)
class Judgment:
    """What to do, and the cause in words."""

    act: Act
    cause: str = ""


def judge(facts: Facts, now: datetime, skew: timedelta, grace: timedelta) -> Judgment:
    """What to do about a schedule at `now`, when clocks may differ by `skew`."""
    row, instance = facts.row, facts.instance
    if instance.is_live and _has_unseen_command(facts, now):
        return Judgment(Act.NUDGE, "the instance has not seen the latest command")
    if row.intent is Intent.STOPPED or row.is_paused(now) or not _is_ours(facts, now, skew):
        return Judgment(Act.NOTHING)
    if row.starting_until is not None and now < row.starting_until + skew:
        return Judgment(Act.NOTHING)
    judgment = _live(facts, now, skew, grace) if instance.is_live else _ended(instance)
    resting = row.restarted_at is not None and now < row.restarted_at + restart_backoff(row.restarts)
    resting = resting and not (instance.code_changed and row.restarts < CHANGES_AT_ONCE)
    if resting and judgment.act in (Act.START, Act.REPLACE):
        return Judgment(Act.NOTHING, f"{judgment.cause}; waiting after {row.restarts} starts in a row")
    return judgment


def restart_backoff(restarts: int) -> timedelta:
    """How long to wait after that many starts in a row."""
    if restarts < 1:
        return timedelta()
    return min(FIRST_BACKOFF * 2 ** min(restarts - 1, 10), LONGEST_BACKOFF)


def _is_ours(facts: Facts, now: datetime, skew: timedelta) -> bool:
    """Whether this task hub is the one to act: never against a living owner, nor where another hub has the schedule."""
    row = facts.row
    if row.hub is not None and row.hub != facts.hub:
        return False
    if row.owner is None or facts.is_owner:
        return True
    return row.owner_until is None or now >= row.owner_until + skew


def _ended(instance: Instance) -> Judgment:
    if instance.status is None:
        return Judgment(Act.START, "the instance was gone")
    if instance.code_changed:
        cause = "the app or its SDK is another one than the instance was begun with"
        return Judgment(Act.START, f"{CODE_CHANGED}: {cause}")
    return Judgment(Act.START, f"the instance was {instance.status}")


def _live(facts: Facts, now: datetime, skew: timedelta, grace: timedelta) -> Judgment:
    row, instance = facts.row, facts.instance
    times = [instance.updated_at, instance.wakes_at, row.starting_until, row.restarted_at, row.changed_at]
    if facts.is_owner:
        times.append(row.owner_until)
    if instance.updated_at is not None and not instance.is_waiting:
        times.append(_turn(facts.work, instance.updated_at, skew) + LONGEST_STEP)
    due = max(time for time in (*times, facts.watched_since) if time is not None)
    if now >= due + skew + grace:
        return Judgment(Act.REPLACE, f"the instance is {instance.status} and should have gone on by {rfc3339(due)}")
    if _is_unanswered(facts, now, skew):
        return Judgment(Act.REPLACE, "its step has ended, and the instance was not told: storage may have been away")
    if row.restarts and row.restarted_at is not None and now >= row.restarted_at + 2 * restart_backoff(row.restarts):
        return Judgment(Act.CALM)
    return Judgment(Act.NOTHING)


def _is_unanswered(facts: Facts, now: datetime, skew: timedelta) -> bool:
    """Whether the answer of an activity was lost: its work is done, and the instance does not go on.

    The extension may not deliver one any more that it could not write while storage was away, see
    ebb/core/contract/outage.py.
    """
    row, instance = facts.row, facts.instance
    if instance.updated_at is None or instance.is_waiting:
        return False
    times = (instance.updated_at, row.restarted_at, row.changed_at, facts.watched_since)
    latest = max(time for time in times if time is not None)
    written = written_at(row, instance.phase, instance.cycle)
    if facts.is_owner and written is not None and written > instance.updated_at:
        return now >= max(written, latest) + LONGEST_ANSWER + skew
    if facts.done_at is None:
        return False
    others = tuple(each for each in facts.work if each.schedule != row.name)
    return now >= _turn(others, max(facts.done_at, latest), skew) + LONGEST_ANSWER


def _turn(work: tuple[Work, ...], asked_at: datetime, skew: timedelta) -> datetime:
    """When an activity that was asked for at `asked_at` has got its place, at the latest.

    Activities begin in the order in which they were asked for. So the executions of cycles that were opened before come
    first, and those of later cycles do not count: else a dead instance would not be found in a hub that is never idle.
    """
    ahead = (each.until for each in work if each.opened_at is None or each.opened_at < asked_at + skew)
    return max((asked_at, *ahead))


def _has_unseen_command(facts: Facts, now: datetime) -> bool:
    """Whether a nudge was lost on its way: the instance sleeps on, and a command is newer than its last word."""
    changed_at, instance = facts.row.changed_at, facts.instance
    if not instance.is_waiting or changed_at is None or instance.updated_at is None or instance.wakes_at is None:
        return False
    return instance.updated_at < changed_at and changed_at + UNSEEN <= now < instance.wakes_at
