"""The steps of a cycle as Durable tasks: each one yields until its part has ended, whatever failed in it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.nudges import Nudges
from scheduler.clock import rfc3339
from scheduler.cycle import (
    CycleState,
    CycleSummary,
    Ending,
    Opening,
    Verdict,
    crashed_execution,
)
from scheduler.failures import first_line
from scheduler.names import CLOSE_CYCLE, MEASURE_BACKLOG, PROCESS_BACKLOG
from scheduler.planning import Decision, Wait, error_wait

LONGEST_TIMER = timedelta(
    days=1
)  # a timer of more than six days cannot be cancelled (azure-functions-durable-python 573)
RETRY_INTERVAL_MS = 1_000
CLOSE_ATTEMPTS = 3

Steps = Generator[Any, Any, Any]


def measure(context: df.DurableOrchestrationContext, state: CycleState, nudges: Nudges) -> Generator[Any, Any, Opening]:
    """Open the cycle; a failed activity gives an opening with nothing to do but wait and try again."""
    activity = context.call_activity(MEASURE_BACKLOG, state.to_json())
    try:
        yield context.task_any([activity, nudges.wait])  # the wait has to be open before anything can come
        answer = yield activity
        return Opening.from_json(answer)
    except Exception as error:  # noqa: BLE001 - Durable gives every failure as a bare Exception
        reason = _first_line(error)
        wait = error_wait(state.errors + 1)
        return Opening(Verdict.GO, wait, Decision(0, f"not measured: {reason}"), error=reason)


def fan_out(
    context: df.DurableOrchestrationContext, state: CycleState, opening: Opening
) -> Generator[Any, Any, list[dict[str, Any]]]:
    """Run the executions decided on; returns the document of each, in order, once the last one has ended."""
    if not opening.decision.executions:
        return []
    started_at = context.current_utc_datetime
    attempts = 1 + int(opening.settings["replicaRetryLimit"])
    order = {
        "schedule": state.schedule,
        "cycle": opening.cycle,
        "owner": state.owner,
        "launch": state.launch,
        "settings": opening.settings,
    }
    tasks = [
        _call(context, PROCESS_BACKLOG, {**order, "index": index, "source": _source(opening, index)}, attempts)
        for index in range(opening.decision.executions)
    ]
    try:
        return (yield context.task_all(tasks))
    except Exception:  # noqa: BLE001 - which execution failed, and how, is asked of each task below
        executions: list[dict[str, Any]] = []
        for index, task in enumerate(tasks):
            try:
                executions.append((yield task))
            except Exception as error:  # noqa: BLE001 - as above
                ended_at = rfc3339(context.current_utc_datetime)
                executions.append(crashed_execution(index, rfc3339(started_at), ended_at, _first_line(error)))
        return executions


def close(
    context: df.DurableOrchestrationContext,
    state: CycleState,
    opening: Opening,
    executions: list[dict[str, Any]],
    summary: CycleSummary,
) -> Generator[Any, Any, Ending]:
    """Write the cycle down if it did or met anything; says how long to wait."""
    if opening.cycle is None or not (executions or opening.error):  # no number: the store did not open it
        return Ending(opening.wait)
    cycle = {
        "cycle": opening.cycle,
        "startedAt": opening.started_at,
        "endedAt": rfc3339(context.current_utc_datetime),
        "backlog": opening.backlog,
        "decision": opening.decision.as_json(),
        "executions": executions,
        "processed": summary.processed,
        "failed": summary.failed,
        "poisoned": summary.poisoned,
        "outcome": summary.outcome,
        "error": summary.error,
    }
    order = {"state": state.to_json(), "settings": opening.settings, "received": summary.received, "cycle": cycle}
    try:
        answer = yield _call(context, CLOSE_CYCLE, order, CLOSE_ATTEMPTS)
        return Ending.from_json(answer)
    except Exception as error:  # noqa: BLE001 - as in measure; the loop goes on without this cycle's history
        wait = error_wait(state.errors + 1)
        return Ending(Wait(wait.seconds, f"the cycle could not be written down ({_first_line(error)}); {wait.reason}"))


def sleep(context: df.DurableOrchestrationContext, wait: Wait, nudges: Nudges) -> Generator[Any, Any, bool]:
    """Wait until the time is over or a new nudge comes. No timer is left open: one that is blocks continue-as-new.

    Returns:
        Whether an operator asked for the next cycle, so that it runs although it may not be due.
    """
    until = wait.end(context.current_utc_datetime)
    while context.current_utc_datetime < until:
        # A timer of its own for each turn: one that waits on from an earlier task is not looked at by the extension.
        fires_at = min(until, context.current_utc_datetime + LONGEST_TIMER)
        timer: Any = context.create_timer(fires_at)
        if (yield context.task_any([timer, *nudges.waits])) is timer:
            if fires_at == until:  # it may be up to a second early: a storage queue hides messages for whole seconds
                return False
            continue
        timer.cancel()
        nudge = nudges.take()
        if nudge is not None:
            return nudge.is_trigger
    return False


def _source(opening: Opening, index: int) -> int:
    """Which of the schedule's sources execution `index` works on."""
    return opening.shares[index] if index < len(opening.shares) else 0


def _call(context: df.DurableOrchestrationContext, name: str, order: dict[str, Any], attempts: int) -> Any:
    if attempts == 1:
        return context.call_activity(name, order)
    return context.call_activity_with_retry(name, df.RetryOptions(RETRY_INTERVAL_MS, attempts), order)


def _first_line(error: Exception) -> str:
    """What failed, without the stack that Durable puts behind it."""
    return first_line(str(error)) or type(error).__name__
