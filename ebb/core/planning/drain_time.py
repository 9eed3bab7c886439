"""The drain goal: executions that empty the backlog, with what arrives meanwhile, within `drainTarget` seconds."""

from __future__ import annotations

import math
from dataclasses import replace

from ebb.core.decision import Decision
from ebb.core.planning.explanations import inactive, wish
from ebb.core.planning.keda import Bounds, Demand, rounded_up
from ebb.core.planning.rates import Goal, Rates
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted, duration, plain


def drain_wanted(
    backlog: float, target: float, activation: float, minimum: int, maximum: int | None, running: int
) -> Decision:
    """The drain goal as one number: enough executions in total, of which `running` are there already."""
    bounds = Bounds.of(0, maximum)
    demand = Demand.of(backlog, target, activation, bounds.maximum)
    wanted = rounded_up(demand.queue_length / target) if demand.active and target > 0 else 0
    total = max(min(wanted, bounds.maximum), min(minimum, bounds.maximum))
    started = max(total - running, 0)
    if not demand.active:
        return replace(inactive(demand.queue_length, activation), executions=started)
    sentence = f"{counted(demand.queue_length, 'message')} at {plain(target)} each within the drain target want"
    sentence += f" {counted(wanted, 'execution')}"
    limited_by = "maxExecutions" if wanted > total else "minExecutions" if total > wanted else None
    if limited_by:
        sentence += f", {'held' if wanted > total else 'raised'} to {total} by {limited_by}"
    if running:
        sentence += f", {running} already run"
    code = {"maxExecutions": "heldToMaximum", "minExecutions": "raisedToMinimum", None: "asWanted"}[limited_by]
    return Decision(started, sentence, limited_by, code)


def drain_plan(
    settings: ScheduleSettings, backlog: float, activation: float, rates: Rates, goal: Goal | None = None
) -> Decision:
    """As many executions as empty the backlog, with what arrives meanwhile, within `drainTarget`.

    Args:
        goal: what is still owed of a backlog seen by earlier cycles; None: the backlog is new.
    """
    if backlog <= activation:
        return inactive(backlog, activation)
    maximum = settings.max_executions
    if not rates.message_seconds:
        return _guessed(backlog, settings.queue_length, maximum)
    wanted, sentence = _drain_wish(settings, backlog, rates, goal)
    if wanted <= maximum:
        return Decision(wanted, sentence, None, "asWanted")
    drained = rates.drain_seconds(backlog, maximum)
    outcome = "the backlog grows" if math.isinf(drained) else f"it takes {duration(drained)}"
    reason = f"{sentence}, held to {maximum} by maxExecutions: the target is missed, {outcome}"
    return Decision(maximum, reason, "maxExecutions", "drainTargetMissed")


def _drain_wish(settings: ScheduleSettings, backlog: float, rates: Rates, goal: Goal | None) -> tuple[int, str]:
    """How many executions it takes, and the sentence: for all in full time, or for what is owed in the time left."""
    each = f"at {_precise(rates.message_seconds or 0)} each"
    wanted = max(rounded_up(rates.executions_for(backlog, settings.drain_target)), 1)
    if goal is not None:
        left = max(goal.seconds, rates.message_seconds or 0, 1.0)
        owed = rounded_up(goal.messages / rates.capacity(left))
        if owed > wanted:
            due = f"due in {duration(round(left, 1))}" if goal.seconds > 0 else f"{duration(-goal.seconds)} late"
            part = "" if goal.messages >= backlog else f"{plain(goal.messages)} of "
            these = f"{part}{counted(backlog, 'message')} {each}"
            target = f"(drainTarget {duration(settings.drain_target)})"
            return owed, f"{these} are {due} {target} and want {counted(owed, 'execution')}"
    arriving = f" and {plain(rates.arrivals * 60)} a minute arriving" if rates.arrivals else ""
    within = f"to drain within {duration(settings.drain_target)}"
    return wanted, f"{counted(backlog, 'message')}{arriving} {each} want {counted(wanted, 'execution')} {within}"


def _guessed(backlog: float, target: float, maximum: int) -> Decision:
    """The default strategy's number, while nothing is known of the service time."""
    wanted = rounded_up(backlog / target)
    sentence = f"no service time is measured yet: {wish(backlog, target, wanted)}"
    if wanted <= maximum:
        return Decision(wanted, sentence, None, "notMeasuredYet")
    return Decision(maximum, f"{sentence}, held to {maximum} by maxExecutions", "maxExecutions", "notMeasuredYet")


def _precise(seconds: float) -> str:
    """A service time: `3 s`, `0.25 s`, `1.5 ms`."""
    return f"{seconds:.3g} s" if seconds >= 0.1 else f"{seconds * 1000:.3g} ms"
