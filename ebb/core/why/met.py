"""Causes that lie in what happened: it ran, was at work, waited, found nothing; or nothing is known of that time."""

from __future__ import annotations

from datetime import timedelta

from ebb.core.row.looks import Look, time_of
from ebb.core.why.answer import Answer, Evidence
from ebb.core.why.past import EARLY, Ahead, Past, began_of, ended_of, moment, part_of
from ebb.core.why.tellings import clock, cycle_evidence, did, has_failed, incident_evidence
from ebb.core.why.ticks import Ticks
from ebb.core.wording import counted, duration


def ran(past: Past) -> Answer | None:
    """A cycle began at that time."""
    cycle = next((each for each in past.ordered if past.at - EARLY <= began_of(each) <= past.late), None)
    if cycle is None:
        return None
    number, began = int(cycle["cycle"]), clock(past, began_of(cycle))
    if has_failed(cycle):
        text = f"It began and failed: cycle {number} of {began} {did(cycle)}."
        return Answer("failed", text, cycle_evidence(cycle), number)
    return Answer(
        "ran", f"It did run: cycle {number} began at {began} and {did(cycle)}.", cycle_evidence(cycle), number
    )


def at_work(past: Past) -> Answer | None:
    """A cycle that had begun before was not done yet."""
    found = [each for each in past.ordered if began_of(each) < past.at and (ended_of(each) or past.now) > past.at]
    if not found:
        return None
    cycle, number = found[-1], int(found[-1]["cycle"])
    ended = ended_of(cycle)
    until = f"and ended at {clock(past, ended)}" if ended else "and is still at work"
    took = duration(round(((ended or past.now) - began_of(cycle)).total_seconds()))
    skipped = "; what was due meanwhile was skipped" if past.settings.follows_ticks else ""
    text = (
        f"It was at work: cycle {number} began at {clock(past, began_of(cycle))} {until} ({took}). "
        f"A cycle never begins beside another{skipped}."
    )
    return Answer("atWork", text, cycle_evidence(cycle), number)


def waits_now(past: Past) -> Answer | None:
    """It waits at this moment, by its own word."""
    live = past.live
    coming = live.get("nextCycleAt")
    if not past.is_about_now or live.get("state") != "running" or live.get("phase") != "waiting" or not coming:
        return None
    due, reason = moment(coming), live.get("nextCycleReason")
    if due < past.now:
        return None
    count = part_of(live, "backlog").get("count")
    counted_last = f" It counted {counted(int(count), 'message')} last." if count is not None else ""
    text = f"It waits until {clock(past, due)}{f': {reason}' if reason else ''}.{counted_last}"
    if error := live.get("error"):
        text += f" Its last cycle failed: {error}."
    decision = part_of(live, "decision").get("reason")
    evidence = (Evidence(None, f"decided last: {decision}"),) if decision else ()
    return Answer("afterError" if error else "waiting", text, evidence)


def waited_after_a_cycle(past: Past) -> Answer | None:
    """The wait after the cycle before had not ended; after a failed one it grows."""
    cycle = past.before
    ended = ended_of(cycle) if cycle else None
    if cycle is None or ended is None or any(ended < time_of(look) <= past.at for look in past.looks):
        return None
    wait, number = part_of(cycle, "wait"), int(cycle["cycle"])
    over = ended + timedelta(seconds=float(wait.get("seconds") or 0))
    is_error = wait.get("code") == "afterError"
    if over <= (past.at if is_error else past.late):
        return None
    what = f"{did(cycle)}, at {clock(past, ended)}" if has_failed(cycle) else f"ended at {clock(past, ended)}"
    reason = f"; {wait['reason']}" if wait.get("reason") else ""
    text = f"It waited until {clock(past, over)}: cycle {number} {what}{reason}."
    return Answer("afterError" if is_error else "waiting", text, cycle_evidence(cycle), number)


def waited_for_others(past: Past) -> Answer | None:
    """A schedule that it comes after had not drained since it ran itself."""
    own = began_of(past.before) if past.before else None
    held = [each for each in past.ahead if each.working or each.drained is None or (own and each.drained <= own)]
    if not held:
        return None
    text = f"It comes after {' and '.join(_behind(past, each) for each in held)}."
    evidence = [piece for each in held if each.working for piece in cycle_evidence(each.working)]
    return Answer("afterOthers", text, (*evidence, Evidence(None, f"after: {', '.join(past.settings.after)}")))


def found_nothing(past: Past) -> Answer | None:
    """It looked, and began nothing."""
    look = _look_of(past)
    if look is None:
        return None
    at, settings = time_of(look), past.settings
    found = counted(look.backlog, "message")
    evidence = Evidence(at, f"looked: {found}, {counted(look.executions, 'execution')} begun")
    if look.executions:
        text = f"It did run: at {clock(past, at)} it counted {found} and began {counted(look.executions, 'execution')}"
        return Answer("ran", f"{text}; that cycle is not kept any more.", (evidence,))
    if look.backlog <= settings.activation_queue_length:
        limit = settings.activation_queue_length
        why = f", and it acts on more than {limit} (activationQueueLength)" if limit and look.backlog else ""
        again = "" if settings.follows_ticks else f" {_rhythm(past)}"
        text = f"It looked at {clock(past, at)} and had nothing to do: it counted {found}{why}.{again}"
        return Answer("nothingToDo", text, (evidence,))
    budget = f"its budget {settings.budget.name} gave nothing out, or " if settings.budget else ""
    text = (
        f"It looked at {clock(past, at)}, counted {found} and began no execution: {budget}handlers of earlier "
        f"executions held all of maxExecutions ({settings.max_executions}). The log of that time has the sentence: "
        f"`ebb logs {past.name}`."
    )
    return Answer("heldBack", text, (evidence,))


def silent(past: Past) -> Answer | None:
    """There is no sign of it although there should be one."""
    before, after = past.sign_before(), past.sign_after()
    if not past.settings.follows_ticks and before and (after or past.now) - before <= past.longest_silence:
        wait = past.before and part_of(past.before, "wait").get("reason")
        last = f" Its last cycle before said: {wait}." if wait else ""
        return Answer("nothingToDo", f"It was well and began no cycle that did anything.{last} {_rhythm(past)}")
    since = f"from {clock(past, before)} " if before else ""
    until = f"until {clock(past, after)}" if after else "until now"
    should = "a cycle was due" if past.settings.follows_ticks else "it should have looked"
    text = (
        f"There is no sign of it {since}{until}, although {should}: the app did not run then (its host was down, "
        "restarted, or had no replica), or could not reach its store."
    )
    if past.settings.follows_ticks:
        due = Ticks.around(past).due
        missed = after and due and f" What was due at {clock(past, due)} began at {clock(past, after)} or was skipped."
        text += missed or ""
    ends = [Evidence(before, "the last sign before")] if before else []
    ends += [Evidence(after, "the first sign after")] if after else []
    return Answer("silent", text, (*ends, *incident_evidence(past)))


def _look_of(past: Past) -> Look | None:
    """The look that tells of the moment: at its tick; without ticks the last one, where no long silence follows it."""
    exact = [each for each in past.looks if past.at - EARLY <= time_of(each) <= past.late]
    if past.settings.follows_ticks:
        return next(iter(exact), None)
    if begun := [each for each in exact if each.executions and not _led_to_a_cycle(past, each)]:
        return begun[0]
    near = [each for each in past.looks if time_of(each) <= past.late and not _led_to_a_cycle(past, each)]
    if not near:
        return None
    look, longest = near[-1], past.longest_silence
    after = past.sign_after() or past.now
    is_near = past.at - time_of(look) <= longest and after - max(time_of(look), past.sign_before() or after) <= longest
    return look if is_near else None


def _led_to_a_cycle(past: Past, look: Look) -> bool:
    """Whether a look belongs to a cycle of the history, which tells more."""
    return look.executions > 0 and any(
        abs(began_of(each) - time_of(look)) <= timedelta(seconds=5) for each in past.ordered
    )


def _rhythm(past: Past) -> str:
    settings = past.settings
    least, most = duration(settings.polling_interval), duration(settings.max_polling_interval)
    every = least if settings.max_polling_interval <= settings.polling_interval else f"{least} to {most}"
    return f"While idle it looks every {every}."


def _behind(past: Past, other: Ahead) -> str:
    if other.working:
        ended = ended_of(other.working)
        until = f"until {clock(past, ended)}" if ended else "and still is"
        return f"{other.name}, which was at work since {clock(past, began_of(other.working))} {until}"
    if other.drained is None:
        return f"{other.name}, which had not drained yet"
    return f"{other.name}, which had not drained again since {clock(past, other.drained)}"
