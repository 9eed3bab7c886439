"""The eternal orchestration: one generation is one cycle of one schedule.

Measure, fan out, close, wait, continue as new. Decisions are made in activities, so that their results stand in the
history and a new version of the app can replay a cycle that an older one began. Nothing but the intent ends the loop.
"""

from __future__ import annotations

import azure.durable_functions as df

from ebb.core import status
from ebb.core.cycle import CycleState, Verdict
from ebb.core.cycle_summary import summarize
from ebb.core.documents import Execution
from ebb.core.names import ETERNAL_SCHEDULER
from orchestrators.nudges import Nudges
from orchestrators.steps import Steps, close, fan_out, measure, sleep


def eternal_scheduler(context: df.DurableOrchestrationContext) -> Steps:
    """Run one cycle of the schedule named in the input, and continue as new with the state of the next.

    Returns, only when the loop ends: {"schedule", "reason"}.
    """
    state = CycleState.from_json(context.get_input(), context.instance_id)
    state = state.owned_by(context.instance_id, context.new_uuid())

    nudges = Nudges(context, state.nudges)
    context.set_custom_status(status.measuring(state))
    opening = yield from measure(context, state, nudges)
    if opening.verdict is Verdict.END:
        return {"schedule": state.schedule, "reason": opening.wait.reason}
    state = state.opened(opening)

    context.set_custom_status(status.processing(opening))
    executions = yield from fan_out(context, state, opening)
    summary = summarize([Execution.from_document(each) for each in executions], opening.error)
    ending = yield from close(context, state, opening, executions, summary)
    if ending.fence_lost:
        return {"schedule": state.schedule, "reason": ending.wait.reason}

    error = ending.error or summary.error
    context.set_custom_status(status.waiting(opening, ending.wait, context.current_utc_datetime, error))
    triggered = yield from sleep(context, ending.wait, nudges)
    context.continue_as_new(state.follow(opening, summary, ending, triggered, nudges.known).to_json())
    return None


def blueprint() -> df.Blueprint:
    """The orchestration, to be registered on an app."""
    bp = df.Blueprint()
    bp.function_name(ETERNAL_SCHEDULER)(bp.orchestration_trigger(context_name="context")(eternal_scheduler))
    return bp
