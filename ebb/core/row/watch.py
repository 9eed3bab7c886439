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
from ebb.core.row.fence import hub_of_owner

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

    instance: str  # "task hub/instance id": whose watchdog this is
    should_run: bool
    home: str | None  # the task hub in which an operator started it
    owner: str | None
    owner_until: datetime | None  # end of the lease, and the promised check-in
    starting_until: datetime | None
    changed_at: datetime | None  # the latest command
    restarts: int
    restarted_at: datetime | None
    status: str | None  # Durable's word; None: no instance
    is_live: bool
    is_waiting: bool
    updated_at: datetime | None  # when the instance last said something
    wakes_at: datetime | None  # when it said that it would go on
    watched_since: datetime  # silence before that may have been ours
    code_changed: bool = False  # the instance failed because the app's code is another one than it was begun with
    work: tuple[Work, ...] = ()  # of all schedules: each one's present cycle, and the one before
    schedule: str = ""
    done_at: datetime | None = None  # when the last execution of its present cycle ended; None while one may work
    written_at: datetime | None = None  # when the opening or closing that it waits for was written on the row

    @property
    def hub(self) -> str:
        """The task hub of this watchdog."""
        return hub_of_owner(self.instance)


@dataclass(frozen=True)
class Judgment:
    """What to do, and the cause in words."""

    act: Act
    cause: str = ""


def judge(facts: Facts, now: datetime, skew: timedelta, grace: timedelta) -> Judgment:
    """What to do about a schedule at `now`, when clocks may differ by `skew`."""
    if facts.is_live and _has_unseen_command(facts, now):
        return Judgment(Act.NUDGE, "the instance has not seen the latest command")
    if not facts.should_run or not _is_ours(facts, now, skew):
        return Judgment(Act.NOTHING)
    if facts.starting_until is not None and now < facts.starting_until + skew:
        return Judgment(Act.NOTHING)
    judgment = _live(facts, now, skew, grace) if facts.is_live else _ended(facts)
    resting = facts.restarted_at is not None and now < facts.restarted_at + restart_backoff(facts.restarts)
    resting = resting and not (facts.code_changed and facts.restarts < CHANGES_AT_ONCE)
    if resting and judgment.act in (Act.START, Act.REPLACE):
        return Judgment(Act.NOTHING, f"{judgment.cause}; waiting after {facts.restarts} starts in a row")
    return judgment


def restart_backoff(restarts: int) -> timedelta:
    """How long to wait after that many starts in a row."""
    if restarts < 1:
        return timedelta()
    return min(FIRST_BACKOFF * 2 ** min(restarts - 1, 10), LONGEST_BACKOFF)


def _is_ours(facts: Facts, now: datetime, skew: timedelta) -> bool:
    """Whether this task hub is the one to act: never against a living owner, nor where another hub has the schedule."""
    if facts.home is not None and facts.home != facts.hub:
        return False
    if facts.owner is None or _is_owner(facts):
        return True
    return facts.owner_until is None or now >= facts.owner_until + skew


def _is_owner(facts: Facts) -> bool:
    return facts.owner is not None and facts.owner.rsplit("/", 1)[0] == facts.instance


def _ended(facts: Facts) -> Judgment:
    if facts.status is None:
        return Judgment(Act.START, "the instance was gone")
    if facts.code_changed:
        cause = "the app or its SDK is another one than the instance was begun with"
        return Judgment(Act.START, f"{CODE_CHANGED}: {cause}")
    return Judgment(Act.START, f"the instance was {facts.status}")


def _live(facts: Facts, now: datetime, skew: timedelta, grace: timedelta) -> Judgment:
    times = [facts.updated_at, facts.wakes_at, facts.starting_until, facts.restarted_at, facts.changed_at]
    if _is_owner(facts):
        times.append(facts.owner_until)
    if facts.updated_at is not None and not facts.is_waiting:
        times.append(_turn(facts.work, facts.updated_at, skew) + LONGEST_STEP)
    due = max(time for time in (*times, facts.watched_since) if time is not None)
    if now >= due + skew + grace:
        return Judgment(Act.REPLACE, f"the instance is {facts.status} and should have gone on by {rfc3339(due)}")
    if _is_unanswered(facts, now, skew):
        return Judgment(Act.REPLACE, "its step has ended, and the instance was not told: storage may have been away")
    if (
        facts.restarts
        and facts.restarted_at is not None
        and now >= facts.restarted_at + 2 * restart_backoff(facts.restarts)
    ):
        return Judgment(Act.CALM)
    return Judgment(Act.NOTHING)


def _is_unanswered(facts: Facts, now: datetime, skew: timedelta) -> bool:
    """Whether the answer of an activity was lost: its work is done, and the instance does not go on.

    The extension may not deliver one any more that it could not write while storage was away, see
    ebb/core/contract/outage.py.
    """
    if facts.updated_at is None or facts.is_waiting:
        return False
    times = (facts.updated_at, facts.restarted_at, facts.changed_at, facts.watched_since)
    latest = max(time for time in times if time is not None)
    if _is_owner(facts) and facts.written_at is not None and facts.written_at > facts.updated_at:
        return now >= max(facts.written_at, latest) + LONGEST_ANSWER + skew
    if facts.done_at is None:
        return False
    others = tuple(each for each in facts.work if each.schedule != facts.schedule)
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
    if not facts.is_waiting or facts.changed_at is None or facts.updated_at is None or facts.wakes_at is None:
        return False
    return facts.updated_at < facts.changed_at and facts.changed_at + UNSEEN <= now < facts.wakes_at
