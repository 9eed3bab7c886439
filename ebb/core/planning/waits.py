"""How long to wait before the next cycle, and why: modes, back-off, jitter, windows and the schedule's end.

Modes: `afterCompletion` counts from the end of the work, `fixedRate` has ticks aligned to the first start, `cron` has
the ticks of an expression. A backlog that remains begins the next cycle at once in every mode: executions end after
their slice so that they are planned again, not because the work is done. Ticks that pass while the schedule works are
counted and skipped.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ebb.core.calendar.ticks import Moment, missed_ticks, tick_times
from ebb.core.calendar.windows import next_open
from ebb.core.chance import drawn
from ebb.core.decision import Wait
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted, duration, local_time

JITTER_OF_ERRORS = 0.2  # of a wait after an error that is drawn by lot
WHOLE_SECOND = timedelta(seconds=1)  # queues hide messages for whole seconds, rounded up
LONGEST_PROBE = 30.0  # seconds between tries to reach a store that is away, whatever pollingInterval says


def next_wait(
    settings: ScheduleSettings,
    *,
    received: int = 0,
    remaining: int | None = None,
    idle_cycles: int = 0,
    error_cycles: int = 0,
    worked: bool = False,
    moment: Moment | None = None,
    retry_at: datetime | None = None,
) -> Wait:
    """How long to wait after a cycle.

    Args:
        received: messages that the cycle's executions received.
        remaining: messages waiting at the cycle's end that are worth acting on; None where that is not known.
        idle_cycles: cycles in a row, this one included, that received nothing.
        error_cycles: cycles in a row, this one included, that ended with an error.
        worked: the cycle ran executions; one of fixedRate or cron that failed in them waits for its next tick.
        retry_at: when the first of the messages that failed comes again; with `retry` the wait is no longer than that.
        moment: when this is; needed by fixedRate, cron, windows, endAfter and jitter.

    Raises:
        ValueError: the settings need a moment and there is none.
    """
    if moment is None:
        if settings.follows_ticks or settings.windows or settings.end_after:
            raise ValueError("fixedRate, cron, windows and endAfter need to know when they wait")
        return _from_completion(settings, received, remaining, idle_cycles, error_cycles, moment)
    if received and remaining and not error_cycles:
        wait = replace(_at_once(remaining), missed=missed_ticks(settings, moment, moment.now))
    elif settings.follows_ticks and (not error_cycles or worked):
        wait = wait_for_tick(settings, moment)
    elif settings.follows_ticks:
        retry, tick = _after_error(settings, error_cycles, moment), wait_for_tick(settings, moment)
        wait = retry if retry.seconds < tick.seconds else tick
    else:
        wait = _from_completion(settings, received, remaining, idle_cycles, error_cycles, moment)
        wait = _until_the_retry(settings, _with_jitter(settings, wait, moment), moment.now, retry_at)
    return _until_the_end(settings, _inside_windows(settings, wait, moment), moment)


def error_wait(error_cycles: int, base: float = 30.0, cap: float = 300.0, seed: str = "") -> Wait:
    """How long to wait after that many failed cycles in a row; the defaults serve while settings cannot be read.

    Args:
        base: seconds after the first one; doubled after each further one.
        cap: seconds that are never exceeded.
        seed: up to a fifth is taken off, drawn from it, so that what failed together does not come back together.
    """
    most = _backed_off(error_cycles, base, cap)
    seconds = round(most * (1 - JITTER_OF_ERRORS * drawn(seed)), 3) if seed else most
    reason = f"{counted(error_cycles, 'cycle')} in a row failed; trying again in {duration(seconds)}"
    return Wait(seconds, reason, "afterError", "maxPollingInterval" if most == cap > base else None)


def outage_wait(error_cycles: int, polling: float | None, seed: str = "") -> Wait:
    """How long to wait while the store is away, which no cycle can be opened or closed without.

    Each try is the probe that finds it back, so they stay close together: at most two `pollingInterval`, and at most a
    minute for a schedule that is slower than that (docs/decisions/2026-11-books.md).
    """
    base = min(polling or LONGEST_PROBE, LONGEST_PROBE)
    return error_wait(error_cycles, base, 2 * base, seed)


def wait_for_tick(settings: ScheduleSettings, moment: Moment) -> Wait:
    """The wait for the next tick inside the windows, with jitter; says how many were missed since the cycle's."""
    missed = missed_ticks(settings, moment, moment.now - timedelta(microseconds=1))
    tick = next(tick_times(settings, moment.began, max(moment.base, moment.now - timedelta(microseconds=1))), None)
    if tick is None:
        return _without_ticks(settings, moment.now)
    late = f"; {counted(missed, 'tick')} passed while the work went on" if missed else ""
    every = f"every {duration(settings.polling_interval)}" if settings.wait_mode == "fixedRate" else settings.cron
    reason = f"next tick of {settings.wait_mode} ({every}) at {local_time(tick)}{late}"
    wait = replace(Wait.at(tick, moment.now, reason, settings.wait_mode), missed=missed)
    return _with_jitter(settings, wait, moment)


def outside_windows(settings: ScheduleSettings, now: datetime) -> Wait | None:
    """The wait for a window to open; None where one is open or there are none."""
    if not settings.windows:
        return None
    span = next_open(settings.active_windows, settings.zone, now)
    if span is None:
        return Wait(settings.max_polling_interval, "no window opens within a week", "outsideWindows", "windows")
    if span[0] <= now:
        return None
    return Wait.at(span[0], now, f"outside the windows until {local_time(span[0])}", "outsideWindows", "windows")


def ended(settings: ScheduleSettings, began: datetime | None, worked: int, now: datetime) -> str | None:
    """Why the schedule has reached its end; None where it has not."""
    end = settings.end_after
    if end is None:
        return None
    if end.cycles is not None and worked >= end.cycles:
        return f"endAfter: {counted(end.cycles, 'cycle')} with work are done"
    if end.time is not None and began is not None and now >= began + timedelta(seconds=end.time):
        return f"endAfter: {duration(end.time)} since its start are over"
    return None


def _without_ticks(settings: ScheduleSettings, now: datetime) -> Wait:
    """The wait of a schedule whose ticks all lie outside its windows: once each time that they open."""
    span = next_open(settings.active_windows, settings.zone, now)
    if span is not None and span[0] <= now:
        span = next_open(settings.active_windows, settings.zone, span[1])
    if span is None:
        return Wait(settings.max_polling_interval, "no window opens within a week", "noTick", "windows")
    reason = f"no tick falls into a window; running as the next one opens at {local_time(span[0])}"
    return Wait.at(span[0], now, reason, "noTick", "windows")


def _from_completion(
    settings: ScheduleSettings,
    received: int,
    remaining: int | None,
    idle_cycles: int,
    error_cycles: int,
    moment: Moment | None,
) -> Wait:
    base, cap = settings.polling_interval, settings.max_polling_interval
    if error_cycles:
        return _after_error(settings, error_cycles, moment)
    if received and remaining:
        return _at_once(remaining)
    if received and settings.source is not None and settings.source.can.periodic:
        return Wait(base, f"the work is done; the next begins {duration(base)} later", "afterCompletion")
    if received:
        return Wait(base, f"no message waits any more; polling in {duration(base)}", "drained")
    idle = max(idle_cycles, 1)
    seconds = _backed_off(idle, base, cap)
    held = seconds == cap > base
    capped = ", held by maxPollingInterval" if held else ""
    reason = f"{counted(idle, 'idle cycle')} in a row; polling again in {duration(seconds)}{capped}"
    return Wait(seconds, reason, "idle", "maxPollingInterval" if held else None)


def _after_error(settings: ScheduleSettings, error_cycles: int, moment: Moment | None) -> Wait:
    seed = f"{moment.seed}/{error_cycles}" if moment is not None and moment.seed else ""
    return error_wait(error_cycles, settings.polling_interval, settings.max_polling_interval, seed)


def _at_once(remaining: int) -> Wait:
    waiting = counted(remaining, "message")
    return Wait(0.0, f"{waiting} still waiting; the next cycle begins at once", "backlogRemains")


def _with_jitter(settings: ScheduleSettings, wait: Wait, moment: Moment) -> Wait:
    """Up to `jitter` seconds longer: drawn from schedule and cycle, so that a repeat draws the same."""
    if not settings.jitter or wait.code in ("backlogRemains", "afterError"):
        return wait
    extra = round(drawn(moment.seed) * settings.jitter, 3)
    reason = f"{wait.reason}, and {duration(extra)} of jitter"
    if wait.until is None:
        return replace(wait, seconds=wait.seconds + extra, reason=reason)
    later = Wait.at(wait.end(moment.now) + timedelta(seconds=extra), moment.now, reason, wait.code, wait.limited_by)
    return replace(later, missed=wait.missed)


def _until_the_retry(settings: ScheduleSettings, wait: Wait, now: datetime, retry_at: datetime | None) -> Wait:
    """The wait, cut where a message that failed comes again: `retry` says when it is tried, not `pollingInterval`.

    With `perKey` also where one comes again that was parked, and all that a cycle met may have been parked.
    """
    cut = (settings.retry is not None and wait.code == "drained") or (
        settings.per_key is not None and wait.code in ("drained", "idle")
    )
    if retry_at is None or not cut:
        return wait
    due = retry_at + WHOLE_SECOND
    if wait.end(now) <= due:
        return wait
    what, limit = ("failed", "retry") if settings.per_key is None else ("failed or was parked", "perKey")
    reason = f"a message that {what} comes again in {duration(max(round((due - now).total_seconds(), 1), 0))}"
    return Wait.at(due, now, reason, "retryDue", limit)


def _inside_windows(settings: ScheduleSettings, wait: Wait, moment: Moment) -> Wait:
    if not settings.windows or (settings.follows_ticks and wait.code in ("fixedRate", "cron")):
        return wait
    end = wait.end(moment.now)
    opening = outside_windows(settings, end)
    if opening is None:
        return wait
    later = opening.end(end)
    return replace(Wait.at(later, moment.now, opening.reason, opening.code, "windows"), missed=wait.missed)


def _until_the_end(settings: ScheduleSettings, wait: Wait, moment: Moment) -> Wait:
    """The wait, cut where the schedule ends: its last cycle comes then to say so."""
    over = ended(settings, moment.began, moment.worked, moment.now)
    if over is not None:
        return Wait(0.0, over, "ended", "endAfter", missed=wait.missed)
    if settings.end_after is None or settings.end_after.time is None or moment.began is None:
        return wait
    end = moment.began + timedelta(seconds=settings.end_after.time)
    if wait.end(moment.now) <= end:
        return wait
    return replace(
        Wait.at(end, moment.now, f"endAfter comes first, at {local_time(end)}", "ending", "endAfter"),
        missed=wait.missed,
    )


def _backed_off(times: int, base: float, cap: float) -> float:
    """`base`, doubled for each time after the first, up to `cap`; all in seconds."""
    return min(base * 2.0 ** min(times - 1, 40), cap)
