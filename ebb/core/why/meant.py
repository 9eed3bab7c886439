"""Causes that lie in what was meant to happen: it is still to come, was not wanted, or not planned for that time."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.calendar.windows import next_open
from ebb.core.why.answer import Answer, Evidence
from ebb.core.why.past import LATE, IntentThen, Past, moment
from ebb.core.why.tellings import clock
from ebb.core.why.ticks import Ticks

_WAY_OUT = {"stopped": "ebb start", "paused": "ebb resume"}


def not_yet(past: Past) -> Answer | None:
    """The moment lies ahead."""
    if past.at <= past.now + LATE:
        return None
    then = f"{clock(past, past.at)} has not come yet"
    held = unwanted(past) or outside_windows(past)
    if held is not None:
        return Answer("future", f"{then}, and as things stand it will not run. {held.text}", held.evidence)
    if past.settings.follows_ticks:
        ticks = Ticks.around(past)
        told = f"a cycle is due then ({ticks.rule})" if ticks.due else ticks.told(past)
        return Answer("future", f"{then}, and {told}.", ticks.evidence(past))
    coming = past.live.get("nextCycleAt")
    following = f"its next cycle begins at {clock(past, moment(coming))}" if coming else "it has no fixed times"
    return Answer("future", f"{then}; {following}: see `ebb next {past.name}`.")


def unwanted(past: Past) -> Answer | None:
    """It was stopped or paused, or had never been started."""
    wish = past.intent
    if wish is None or wish.intent == "running" or _is_over(wish, past):
        return None
    if wish.since is None:
        return Answer("neverStarted", f"It had never been started.{_still(past, 'stopped')}")
    by, because = f" by {wish.by}" if wish.by else "", f": {wish.reason}" if wish.reason else ""
    until = f" until {clock(past, wish.until)}" if wish.until else ""
    text = f"It was {wish.intent} since {clock(past, wish.since)}{until}{by}{because}."
    return Answer(wish.intent, text + _still(past, wish.intent), (Evidence(wish.since, f"{wish.intent}{by}{because}"),))


def not_kept(past: Past) -> Answer | None:
    """The moment lies before what is kept."""
    oldest = past.now - timedelta(seconds=past.settings.history_max_age)
    if past.intent is not None and past.at >= oldest:
        return None
    kept = "cycles, events and looks are kept as historyLimit and historyMaxAge say"
    return Answer("notKept", f"The history does not reach back to {clock(past, past.at)}: {kept}.")


def outside_windows(past: Past) -> Answer | None:
    """No window was open."""
    settings = past.settings
    if not settings.windows:
        return None
    span = next_open(settings.active_windows, settings.zone, past.at)
    if span is not None and span[0] <= past.at + LATE:
        return None
    opening = f"the next one opens at {clock(past, span[0])}" if span else "none opens within a week"
    told = "; ".join(f"{','.join(each.days)} {each.start} to {each.end}" for each in settings.windows)
    evidence = Evidence(None, f"windows: {told} {settings.time_zone}")
    return Answer("windowClosed", f"Its windows were closed at {clock(past, past.at)}; {opening}.", (evidence,))


def no_tick(past: Past) -> Answer | None:
    """Cron or fixedRate have nothing at that time."""
    if not past.settings.follows_ticks or (past.began is None and past.settings.wait_mode == "fixedRate"):
        return None
    ticks = Ticks.around(past)
    if ticks.due is not None:
        return None
    told = ticks.told(past)
    return Answer("noTick", f"{told[0].upper()}{told[1:]}.", ticks.evidence(past))


def _is_over(wish: IntentThen, past: Past) -> bool:
    return wish.intent == "paused" and wish.until is not None and wish.until <= past.at


def _still(past: Past, intent: str) -> str:
    """What is so now, and the way out where it is as it was."""
    now = past.live.get("state")
    if now == intent:
        return f" It is {intent} still: `{_WAY_OUT[intent]} {past.name}`."
    return f" It is {now} now." if now else ""
