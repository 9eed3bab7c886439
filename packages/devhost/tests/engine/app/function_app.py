# ruff: noqa: BLE001  (orchestrators here tell whatever reaches them)
"""The app whose behaviour is recorded on an engine: one small function for each thing that an orchestration can do."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
attempts: Counter[str] = Counter()
Context = df.DurableOrchestrationContext


def history(context: Context) -> list[dict[str, Any]]:
    """The events that the host sent, field by field."""
    return [
        {
            key.lstrip("_"): value if isinstance(value, (int, bool, dict)) else str(value)
            for key, value in vars(event).items()
            if value is not None and key != "_is_processed"
        }
        for event in context.histories
    ]


@app.activity_trigger(input_name="given")
def echo(given: Any) -> Any:
    return given


@app.activity_trigger(input_name="text")
def boom(text: str) -> str:
    raise ValueError(text)


@app.activity_trigger(input_name="plan")
def flaky(plan: dict) -> int:
    """Fail as many times as `plan` says, then give the number of the attempt."""
    attempts[plan["key"]] += 1
    if attempts[plan["key"]] <= plan["failures"]:
        raise ValueError(f"attempt {attempts[plan['key']]}")
    return attempts[plan["key"]]


@app.activity_trigger(input_name="seconds")
async def slow(seconds: float) -> float:
    import asyncio

    await asyncio.sleep(seconds)
    return seconds


@app.activity_trigger(input_name="key")
def heal(key: str) -> str:
    """Fail the first time only: for rewinding."""
    attempts[key] += 1
    if attempts[key] == 1:
        raise ValueError("not yet")
    return "healed"


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_state(value)
    elif context.operation_name == "fail":
        raise ValueError("entity boom")
    context.set_result(value)


@app.orchestration_trigger(context_name="context")
def returns(context: Context):
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def raises(context: Context):
    raise RuntimeError("orchestrator boom")


@app.orchestration_trigger(context_name="context")
def waits(context: Context):
    context.set_custom_status({"waits": "for go"})
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def calls_boom(context: Context):
    return (yield context.call_activity("boom", "activity boom"))


@app.orchestration_trigger(context_name="context")
def catches_boom(context: Context):
    try:
        yield context.call_activity("boom", "activity boom")
    except Exception as error:
        return [type(error).__name__, str(error), history(context)]


@app.orchestration_trigger(context_name="context")
def one_of_each(context: Context):
    """Do one of everything that leaves an event, then give the history."""
    yield context.call_activity("echo", {"a": 1})
    yield context.call_sub_orchestrator("returns", {"b": 2}, instance_id=f"{context.instance_id}-child")
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    context.signal_entity(df.EntityId("counter", context.instance_id), "add", 1)
    yield context.call_entity(df.EntityId("counter", context.instance_id), "add", 2)
    yield context.wait_for_external_event("go")
    return history(context)


@app.orchestration_trigger(context_name="context")
def who_am_i(context: Context):
    yield context.call_activity("echo", 1)
    return {
        "instance_id": context.instance_id,
        "name": context._name if hasattr(context, "_name") else None,
        "parent": context.parent_instance_id,
        "version": context.version,
        "input": context.get_input(),
        "function_context": {key: str(value) for key, value in vars(context.function_context).items()},
    }


@app.orchestration_trigger(context_name="context")
def parent_of_who(context: Context):
    return (yield context.call_sub_orchestrator("who_am_i", {"from": "parent"}))


@app.orchestration_trigger(context_name="context")
def child_fails(context: Context):
    try:
        yield context.call_sub_orchestrator("raises")
    except Exception as error:
        return [type(error).__name__, str(error), history(context)]


@app.orchestration_trigger(context_name="context")
def child_fails_uncaught(context: Context):
    yield context.call_sub_orchestrator("calls_boom")


@app.orchestration_trigger(context_name="context")
def child_waits(context: Context):
    try:
        return (yield context.call_sub_orchestrator("waits", instance_id=f"{context.instance_id}-child"))
    except Exception as error:
        return [type(error).__name__, str(error), history(context)]


@app.orchestration_trigger(context_name="context")
def retries(context: Context):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=3)
    plan = {"key": context.instance_id, "failures": context.get_input()["failures"]}
    try:
        value = yield context.call_activity_with_retry("flaky", options, plan)
    except Exception as error:
        value = str(error)
    echoed = yield context.call_activity("echo", "after")
    return [value, echoed, history(context)]


@app.orchestration_trigger(context_name="context")
def retries_child(context: Context):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=2)
    try:
        yield context.call_sub_orchestrator_with_retry("raises", options, instance_id=f"{context.instance_id}-child")
    except Exception as error:
        return [str(error), history(context)]


@app.orchestration_trigger(context_name="context")
def unknown_activity(context: Context):
    try:
        yield context.call_activity("nobody")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def unknown_child(context: Context):
    try:
        yield context.call_sub_orchestrator("nobody")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def unknown_entity(context: Context):
    try:
        yield context.call_entity(df.EntityId("nobody", "k"), "get")
    except Exception as error:
        return str(error)


@app.orchestration_trigger(context_name="context")
def calls_entity(context: Context):
    entity = df.EntityId("counter", context.instance_id)
    first = yield context.call_entity(entity, "add", 5)
    try:
        yield context.call_entity(entity, "fail")
    except Exception as error:
        return [first, type(error).__name__, str(error), history(context)]


@app.orchestration_trigger(context_name="context")
def changes_its_mind(context: Context):
    """Decide something else in each replay."""
    attempts[context.instance_id] += 1
    name = "echo" if attempts[context.instance_id] == 1 else "slow"
    yield context.call_activity(name, 0)
    return "not found out"


@app.orchestration_trigger(context_name="context")
def decides_less(context: Context):
    """Decide nothing in the second replay."""
    attempts[context.instance_id] += 1
    if attempts[context.instance_id] == 1:
        yield context.call_activity("echo", 0)
    return "not found out"


@app.orchestration_trigger(context_name="context")
def long_status(context: Context):
    context.set_custom_status("x" * 9000)
    yield context.call_activity("echo", 0)


@app.orchestration_trigger(context_name="context")
def fails_fast(context: Context):
    """Catch the first failure of two activities and begin another one while the second runs."""
    begun = context.current_utc_datetime
    try:
        yield context.task_all([context.call_activity("boom", "first"), context.call_activity("slow", 2)])
    except Exception:
        yield context.call_activity("echo", "compensate")
    return [round((context.current_utc_datetime - begun).total_seconds()), history(context)]


@app.orchestration_trigger(context_name="context")
def any_goes_on(context: Context):
    """Wait again for a task that lost, beside a new one."""
    begun = context.current_utc_datetime
    lost = context.call_activity("slow", 1)
    yield context.task_any([context.call_activity("echo", 1), lost])
    yield context.task_any([lost, context.call_activity("slow", 3)])
    after = yield context.call_activity("echo", "after")
    return [round((context.current_utc_datetime - begun).total_seconds()), after, history(context)]


@app.orchestration_trigger(context_name="context")
def retry_lost_any(context: Context):
    """Let a task with retries lose against another, wait for it all the same, and begin something after it."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=3)
    retried = context.call_activity_with_retry("flaky", options, {"key": context.instance_id, "failures": 1})
    yield context.task_any([context.call_activity("echo", 1), retried])
    yield retried
    yield context.call_activity("echo", "after")
    return "not found out"


@app.orchestration_trigger(context_name="context")
def retry_fails_fast(context: Context):
    """Go on after the first failure, while another task is between two attempts."""
    options = df.RetryOptions(first_retry_interval_in_milliseconds=2000, max_number_of_attempts=3)
    retried = context.call_activity_with_retry("flaky", options, {"key": context.instance_id, "failures": 1})
    try:
        yield context.task_all([retried, context.call_activity("boom", "first")])
    except Exception:
        after = yield context.call_activity("echo", "after")
    return [after, history(context)]


@app.orchestration_trigger(context_name="context")
def open_timer(context: Context):
    """End while a timer is open."""
    context.create_timer(context.current_utc_datetime + timedelta(seconds=2))
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=2))
    yield context.task_any([timer, context.call_activity("echo", 1)])
    return history(context)


@app.orchestration_trigger(context_name="context")
def cancelled_timer(context: Context):
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    yield context.task_any([timer, context.call_activity("echo", 1)])
    timer.cancel()
    yield context.call_activity("echo", 2)
    return history(context)


@app.orchestration_trigger(context_name="context")
def generations(context: Context):
    """Loop as the input says; each generation adds what it saw to the input of the next; the fifth one ends."""
    given = context.get_input()
    seen, form = given["seen"], given["form"]
    if len(seen) == 5:
        return seen
    if form == "activity first":
        yield context.call_activity("echo", 0)
    nudge = context.wait_for_external_event("nudge")
    if form == "plain":
        value = yield nudge
    else:
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=1 if form == "short" else 5))
        won = yield context.task_any([timer, nudge])
        value = nudge.result if won is nudge else "timer"
        if form != "left open":
            timer.cancel()
    if form == "activity after":
        yield context.call_activity("echo", 0)
    kinds = [f"{one.event_type} {one.Input}" if one.event_type == 15 else one.event_type for one in context.histories]
    context.continue_as_new({"form": form, "seen": [*seen, [value, kinds]]})


@app.orchestration_trigger(context_name="context")
def rewinds(context: Context):
    """Fail the first time in one activity and in one child; a rewind heals it."""
    yield context.call_activity("echo", "before")
    healed = yield context.call_activity("heal", context.instance_id)
    return [healed, history(context)]


@app.orchestration_trigger(context_name="context")
def rewinds_child(context: Context):
    child = yield context.call_sub_orchestrator("rewinds", instance_id=f"{context.instance_id}-child")
    return [child[0], [one.event_type for one in context.histories]]


@app.route(route="client/{id}/{what}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def use_client(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Call the durable client of the SDK and tell what it gave or raised."""
    instance_id, what = req.route_params["id"], req.route_params["what"]
    given = json.loads(req.get_body() or b"null")
    calls = {
        "start": lambda: client.start_new("returns", instance_id, given),
        "start waits": lambda: client.start_new("waits", instance_id, given),
        "start unknown": lambda: client.start_new("nobody", instance_id, given),
        "status": lambda: client.get_status(instance_id),
        "raise": lambda: client.raise_event(instance_id, "go", given),
        "terminate": lambda: client.terminate(instance_id, "by client"),
        "suspend": lambda: client.suspend(instance_id, "by client"),
        "resume": lambda: client.resume(instance_id, "by client"),
        "rewind": lambda: client.rewind(instance_id, "by client"),
        "restart": lambda: client.restart(instance_id, restart_with_new_instance_id=False),
        "purge": lambda: client.purge_instance_history(instance_id),
        "signal": lambda: client.signal_entity(df.EntityId("counter", instance_id), "add", given),
        "read": lambda: client.read_entity_state(df.EntityId("counter", instance_id)),
    }
    try:
        result = await calls[what]()
    except Exception as error:
        return func.HttpResponse(json.dumps({"raised": type(error).__name__, "text": str(error)}))
    shown = (
        result
        if isinstance(result, (str, int, dict, type(None)))
        else {key.lstrip("_"): str(value) for key, value in vars(result).items()}
    )
    return func.HttpResponse(json.dumps({"gave": shown}))
