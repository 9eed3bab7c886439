"""The steps of a cycle as Durable tasks: each one yields until its part has ended, whatever failed in it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from ebb.core.clock import rfc3339
from ebb.core.cycle import CycleState, Ending, Opening, Verdict
from ebb.core.cycle_summary import CycleSummary, crashed_execution
from ebb.core.document import Json
from ebb.core.failures import first_line
from ebb.core.names import CLOSE_CYCLE, MEASURE_BACKLOG, PROCESS_BACKLOG
from ebb.core.planning import Decision, Wait, outage_wait
from ebb.core.secrets import hide_secrets
from orchestrators.nudges import Nudges

LONGEST_TIMER = timedelta(
    days=1
)  # a timer of more than six days cannot be cancelled (azure-functions-durable-python 573)
RETRY_INTERVAL_MS = 1_000
CLOSE_ATTEMPTS = 3

Steps = Generator[Any, Any, Any]


def measure(context: df.DurableOrchestrationContext, state: CycleState, nudges: Nudges) -> Generator[Any, Any, Opening]:
    """Open the cycle; a failed activity gives an opening with nothing to do but wait and try again."""
    activity = _call(context, MEASURE_BACKLOG, state.to_json(), 1)
    try:
        yield context.task_any([activity, nudges.wait])  # the wait has to be open before anything can come
        answer = yield activity
        return Opening.from_json(answer)
    except Exception as error:  # noqa: BLE001 - Durable gives every failure as a bare Exception
        reason = _first_line(error)
        return Opening(Verdict.GO, _outage(state), Decision(0, f"not measured: {reason}"), error=reason)


def fan_out(
    context: df.DurableOrchestrationContext, state: CycleState, opening: Opening
) -> Generator[Any, Any, list[Json]]:
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
        _call(context, PROCESS_BACKLOG, {**order, "index": index, **_part(opening, index)}, attempts)
        for index in range(opening.decision.executions)
    ]
    try:
        return (yield context.task_all(tasks))
    except Exception:  # noqa: BLE001 - which execution failed, and how, is asked of each task below
        executions: list[Json] = []
        for index, task in enumerate(tasks):
            try:
                executions.append((yield task))
            except Exception as error:  # noqa: BLE001 - as above
                ended_at = rfc3339(context.current_utc_datetime)
                crashed = crashed_execution(index, rfc3339(started_at), ended_at, _first_line(error))
                executions.append(crashed.to_document())
        return executions


def close(
    context: df.DurableOrchestrationContext,
    state: CycleState,
    opening: Opening,
    executions: list[Json],
    summary: CycleSummary,
) -> Generator[Any, Any, Ending]:
    """Write the cycle down if it did or met anything; says how long to wait."""
    if opening.cycle is None or not (executions or opening.error):  # no number: the store did not open it
        return Ending(opening.wait)
    cycle = {
        "cycle": opening.cycle,
        "startedAt": opening.started_at,
        "endedAt": rfc3339(context.current_utc_datetime),
        "backlog": opening.backlog.to_document() if opening.backlog else None,
        "decision": opening.decision.to_document(),
        "executions": executions,
        "processed": summary.processed,
        "failed": summary.failed,
        "poisoned": summary.poisoned,
        "abandoned": summary.abandoned,
        "outcome": summary.outcome,
        "error": summary.error,
    }
    order = {
        "state": state.to_json(),
        "settings": opening.settings,
        "received": summary.received,
        "broken": summary.broken,
        "cycle": cycle,
    }
    try:
        answer = yield _call(context, CLOSE_CYCLE, order, CLOSE_ATTEMPTS)
        return Ending.from_json(answer)
    except Exception as error:  # noqa: BLE001 - as in measure; the loop goes on without this cycle's history
        wait, reason = _outage(state), f"cycle {opening.cycle} could not be written down: {_first_line(error)}"
        return Ending(replace(wait, reason=f"{reason}; {wait.reason}"), error=reason)


def sleep(context: df.DurableOrchestrationContext, wait: Wait, nudges: Nudges) -> Generator[Any, Any, bool]:
    """Wait until the time is over or a new nudge comes. No timer is left open: one that is blocks continue-as-new.

    Returns:
        Whether an operator asked for the next cycle, so that it runs although it may not be due.
    """
    until = wait.end(context.current_utc_datetime)
    left = until - context.current_utc_datetime
    while left > timedelta():
        # A timer that has fired has waited its time, whatever the clock says then: it may have been set back, and a
        # storage queue hides messages for whole seconds, so that it may be a second early. Each turn has a timer of its
        # own: one that waits on from an earlier task is not looked at by the extension.
        part = min(left, LONGEST_TIMER)
        timer: Any = context.create_timer(context.current_utc_datetime + part)
        if (yield context.task_any([timer, *nudges.waits])) is timer:
            left -= part
            continue
        timer.cancel()
        nudge = nudges.take()
        if nudge is not None:
            return nudge.is_trigger
        left = min(left, until - context.current_utc_datetime)
    return False


def _outage(state: CycleState) -> Wait:
    return outage_wait(state.errors + 1, state.polling, f"{state.schedule}/{state.cycle}/{state.errors}")


def _part(opening: Opening, index: int) -> Json:
    """The source that execution `index` works on, its number among the executions of that source, and their count."""
    count = opening.decision.executions
    sources = [opening.shares[each] if each < len(opening.shares) else 0 for each in range(count)]
    return {"source": sources[index], "share": [sources[:index].count(sources[index]), sources.count(sources[index])]}


def _call(context: df.DurableOrchestrationContext, name: str, order: Json, attempts: int) -> Any:
    sdk: Any = context  # which leaves the type of an activity's name open
    if attempts == 1:
        return sdk.call_activity(name, order)
    return sdk.call_activity_with_retry(name, df.RetryOptions(RETRY_INTERVAL_MS, attempts), order)


def _first_line(error: Exception) -> str:
    """What failed, without the stack that Durable puts behind it."""
    return hide_secrets(first_line(str(error))) or type(error).__name__
