"""The words between a wish and a number: why KEDA's strategies start as many executions as they do."""

from __future__ import annotations

import math

from ebb.core.decision import Decision
from ebb.core.planning.keda import Bounds, Custom
from ebb.core.wording import counted, plain


def wish(backlog: float, target: float, wanted: int) -> str:
    """What the backlog alone asks for: `37 messages at 5 each want 8 executions`."""
    verb = "wants" if backlog == 1 else "want"
    return f"{counted(backlog, 'message')} at {plain(target)} each {verb} {counted(wanted, 'execution')}"


def inactive(backlog: float, activation: float) -> Decision:
    """No execution, because the backlog is not above the activation value."""
    if backlog <= 0:
        return Decision(0, "nothing is waiting", None, "empty")
    reason = f"{counted(backlog, 'message')} waiting, not above activationQueueLength {plain(activation)}"
    return Decision(0, reason, "activationQueueLength", "belowActivation")


def explained(
    sentence: str, wanted: int, started: int, strategy: str, bounds: Bounds, running: int, pending: int, custom: Custom
) -> Decision:
    """KEDA's number for a strategy, with what lies between the wish and the number in words."""
    clauses, limited_by, value = [sentence], None, wanted
    if wanted > bounds.maximum:
        less = f" less minExecutions {bounds.minimum}" if bounds.minimum else ""
        clauses.append(f"held to {bounds.maximum} by maxExecutions{less}")
        limited_by, value = "maxExecutions", bounds.maximum
    clause, narrowed = _strategy_clause(strategy, value, bounds, running - bounds.minimum, pending, custom)
    if clause:
        clauses.append(clause)
    if narrowed:
        limited_by = "maxExecutions"
    if started != value:
        clauses.append(f"so {started} start" if started != 1 else "so 1 starts")
    code = "heldToMaximum" if limited_by else "asWanted" if started == wanted else "adjusted"
    return Decision(started, ", ".join(clauses), limited_by, code)


def _strategy_clause(
    strategy: str, value: int, bounds: Bounds, over: int, pending: int, custom: Custom
) -> tuple[str | None, bool]:
    """What the strategy makes of `value`, in words, and whether the maximum is what narrows it."""
    if strategy == "custom":
        return _custom_clause(over, custom), False
    if strategy == "accurate":
        if value + over - pending > bounds.maximum:
            return f"{over} already run of at most {bounds.maximum}", True
        return (f"{pending} have not begun yet" if pending else None), False
    if strategy == "eager":
        free = bounds.maximum - over - pending
        return (f"{max(free, 0)} of {bounds.maximum} are free", free < value) if over or pending else (None, False)
    return (f"{over} already run" if over else None), False


def _custom_clause(over: int, custom: Custom) -> str | None:
    if custom.percentage is None:
        return "as the default strategy, because customScalingRunningJobPercentage is not a number"
    share = math.trunc(over * custom.percentage)
    return f"less {custom.deduction} deducted and {share} for {over} running" if custom.deduction or share else None
