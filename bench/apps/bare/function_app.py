"""The loops that Ebb is compared with, as one would write them by hand with the Durable SDK."""

import math
import os
from datetime import datetime, timedelta

import azure.durable_functions as df
import azure.functions as func
from azure.storage.queue.aio import QueueClient

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
PERIOD = timedelta(seconds=0.1)

_queue = QueueClient.from_connection_string(os.environ["BENCH_STORAGE"], os.environ["BENCH_QUEUE"])


@app.activity_trigger(input_name="number")
def nothing(number: int) -> int:
    """An activity that does nothing."""
    return nothing_of(number)


@app.activity_trigger(input_name="count")
def nothings(count: int) -> list[int]:
    """So many of it, one after the other: a batch of executions in one activity."""
    return [nothing_of(number) for number in range(count)]


def nothing_of(number: int) -> int:
    """What an activity does in the place of work."""
    return number


@app.activity_trigger(input_name="number")
async def backlog(number: int) -> int:
    """One measurement: how many messages wait in the queue."""
    return (await _queue.get_queue_properties()).approximate_message_count or 0


def _begun(context):
    given = context.get_input()
    return given["left"], given["began"] or context.current_utc_datetime.isoformat()


def _seconds(context, began: str) -> float:
    return (context.current_utc_datetime - datetime.fromisoformat(began)).total_seconds()


@app.orchestration_trigger(context_name="context")
def plain_loop(context):
    """Continue as new after each activity."""
    left, began = _begun(context)
    yield context.call_activity("nothing", left)
    if left <= 1:
        return _seconds(context, began)
    context.continue_as_new({"left": left - 1, "began": began})
    return None


def _waiting_loop(context, activity):
    left, began = _begun(context)
    yield context.call_activity(activity, left)
    timer = context.create_timer(context.current_utc_datetime + PERIOD)
    yield context.task_any([timer, context.wait_for_external_event("nudge")])
    if left <= 1:
        return _seconds(context, began)
    context.continue_as_new({"left": left - 1, "began": began})
    return None


@app.orchestration_trigger(context_name="context")
def timed_loop(context):
    """The same with a short wait that an event could end."""
    return (yield from _waiting_loop(context, "nothing"))


@app.orchestration_trigger(context_name="context")
def measuring_loop(context):
    """The same with an activity that measures a queue: the least that a loop driven by its backlog does."""
    return (yield from _waiting_loop(context, "backlog"))


@app.orchestration_trigger(context_name="context")
def fan(context):
    """So many activities at once."""
    left, began = _begun(context)
    yield context.task_all([context.call_activity("nothing", number) for number in range(left)])
    return _seconds(context, began)


@app.orchestration_trigger(context_name="context")
def fan_of_fans(context):
    """So many activities at once, in groups of about the root of their number, each a sub-orchestration."""
    left, began = _begun(context)
    yield context.task_all(
        [context.call_sub_orchestrator("fan", {"left": size, "began": began}) for size in _groups(left)]
    )
    return _seconds(context, began)


@app.orchestration_trigger(context_name="context")
def fan_of_batches(context):
    """The same groups, each one activity."""
    left, began = _begun(context)
    yield context.task_all([context.call_activity("nothings", size) for size in _groups(left)])
    return _seconds(context, began)


def _groups(count: int) -> list[int]:
    groups = math.isqrt(count)
    return [count // groups + (number < count % groups) for number in range(groups)]
