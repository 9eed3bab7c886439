"""How many executions a backlog deserves: pure arithmetic, each answer with its reason.

`executions_wanted` gives KEDA's numbers for KEDA's inputs. `plan` is what a cycle asks: it decides when no execution
runs, and knows the settings and the speed measured so far. Waits are in `ebb/core/planning/waits.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ebb.core.decision import Decision
from ebb.core.planning.drain_time import drain_plan, drain_wanted
from ebb.core.planning.explanations import explained, inactive, wish
from ebb.core.planning.keda import STRATEGIES, Bounds, Custom, Demand, combine_backlogs, executions_to_start, rounded_up
from ebb.core.planning.rates import Goal, Rates
from ebb.core.settings.schedule_settings import ScheduleSettings
from ebb.core.wording import counted, plain


def executions_wanted(
    strategy: str,
    *,
    queue_length: float,
    target: float,
    activation: float,
    min_executions: int | None,
    max_executions: int | None,
    running: int = 0,
    pending: int = 0,
    custom_deduction: float | None = None,
    custom_percentage: float | str | None = None,
) -> Decision:
    """How many executions to start for a backlog of `queue_length` messages.

    Args:
        strategy: KEDA's "default", "custom", "accurate" or "eager", number for number; or "drainTime".
        target: messages that one execution is expected to take; with "drainTime", to take within the drain target.
        activation: act only when the backlog is strictly above this.
        min_executions, max_executions: as the user wrote them; None: not given. KEDA tops up to the minimum first and
            looks at the backlog only once that many run; "drainTime" takes it as a floor under the total.
        running: executions that have not ended, `pending` ones included; `pending`: of those, the ones not yet at work.
        custom_deduction, custom_percentage: for "custom": what to take off, and the factor on those running.

    Raises:
        ValueError: no such strategy.
    """
    if strategy == "drainTime":
        return drain_wanted(queue_length, target, activation, min_executions or 0, max_executions, running)
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown scalingStrategy {strategy!r}; known are {', '.join(STRATEGIES)}, drainTime")
    bounds = Bounds.of(min_executions, max_executions)
    demand = Demand.of(queue_length, target, activation, bounds.maximum)
    custom = Custom.of(custom_deduction, custom_percentage)
    started = executions_to_start(strategy, demand, bounds, running, pending, custom)
    if running < bounds.minimum:
        waiting = counted(demand.queue_length, "message")
        sentence = f"{waiting} waiting; {running} of minExecutions {bounds.minimum} run, the floor comes first"
        return Decision(started, sentence, "minExecutions", "floorFirst")
    if not demand.active:
        return replace(inactive(demand.queue_length, activation), executions=started)
    if target <= 0:
        return Decision(
            started, f"a target of {plain(target)} takes no message: nothing starts", "queueLength", "noTarget"
        )
    wanted = rounded_up(demand.queue_length / target)
    sentence = wish(demand.queue_length, target, wanted)
    return explained(sentence, wanted, started, strategy, bounds, running, pending, custom)


def plan(settings: ScheduleSettings, backlog: float, rates: Rates | None = None, goal: Goal | None = None) -> Decision:
    """The decision for a backlog of that many messages at the start of a cycle, when none of its executions runs.

    `minExecutions` is a floor under each cycle here. KEDA's own rule, floor first and backlog later, would never get to
    the backlog, because a cycle begins with none running.

    Args:
        rates, goal: the speed measured so far, and what is owed of the present drain goal; for "drainTime".
    """
    if settings.scaling_strategy == "drainTime":
        decision = drain_plan(settings, backlog, settings.activation_queue_length, rates or Rates(), goal)
        return _raised(settings, backlog, decision)
    decision = executions_wanted(
        settings.scaling_strategy,
        queue_length=backlog,
        target=settings.queue_length,
        activation=settings.activation_queue_length,
        min_executions=0,
        max_executions=settings.max_executions,
        custom_deduction=settings.custom_scaling_queue_length_deduction,
        custom_percentage=settings.custom_scaling_running_job_percentage,
    )
    return _raised(settings, backlog, decision)


def plan_several(
    settings: ScheduleSettings,
    backlogs: Sequence[tuple[str, float, float, float]],
    rates: Rates | None = None,
    goal: Goal | None = None,
) -> Decision:
    """The decision for several sources, combined by `multipleScalersCalculation`; a drain goal is for all together.

    Args:
        backlogs: name, messages, target and activation of each source, in the order of the settings.
    """
    bounds = Bounds.of(0, settings.max_executions)
    demands = [Demand.of(count, target, activation, bounds.maximum) for _, count, target, activation in backlogs]
    calculation = settings.multiple_scalers_calculation
    combined = combine_backlogs(calculation, demands)
    told = ", ".join(f"{name} {plain(count)} at {plain(target)}" for name, count, target, _ in backlogs)
    if not combined.active:
        return _raised(settings, 0, Decision(0, f"no source is above its activationQueueLength ({told})", None, "idle"))
    if settings.scaling_strategy == "drainTime":
        total = combine_backlogs("sum", demands).queue_length
        decision = drain_plan(settings, total, 0, rates or Rates(), goal)
        return _raised(settings, total, replace(decision, reason=f"{decision.reason} ({told})"))
    custom = Custom.of(settings.custom_scaling_queue_length_deduction, settings.custom_scaling_running_job_percentage)
    started = executions_to_start(settings.scaling_strategy, combined, bounds, custom=custom)
    wanted = rounded_up(_uncapped(calculation, demands, combined, backlogs))
    sentence = f"{told}: {calculation} of {len(backlogs)} sources wants {counted(wanted, 'execution')}"
    decision = explained(sentence, wanted, started, settings.scaling_strategy, bounds, 0, 0, custom)
    return _raised(settings, combined.queue_length, decision)


def _uncapped(
    calculation: str, demands: Sequence[Demand], combined: Demand, backlogs: Sequence[tuple[str, float, float, float]]
) -> float:
    """What the sources together ask for before the maximum, so that the reason can say it."""
    asked = [
        demand.queue_length / target if target > 0 else 0.0
        for demand, (_, _, target, _) in zip(demands, backlogs, strict=True)
    ]
    active = [value for value, demand in zip(asked, demands, strict=True) if demand.active]
    if calculation in ("sum", "avg"):
        return sum(active) / (len(active) if calculation == "avg" else 1)
    return asked[demands.index(combined)]


def _raised(settings: ScheduleSettings, backlog: float, decision: Decision) -> Decision:
    """The decision with `minExecutions` as the floor under the cycle."""
    floor = settings.min_executions
    if decision.executions >= floor:
        return decision
    if decision.executions == 0 and decision.code in ("empty", "belowActivation", "idle"):
        reason = f"{counted(backlog, 'message')} waiting; minExecutions keeps {counted(floor, 'execution')} going"
    else:
        reason = f"{decision.reason}, raised to {floor} by minExecutions"
    return Decision(floor, reason, "minExecutions", "raisedToMinimum")
