"""Chaining, fan-out and fan-in, human interaction, retries, an eternal counter."""

import json
import logging
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

log = logging.getLogger(__name__)

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="orchestrators/{functionName}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def http_start(req: func.HttpRequest, client):
    body = req.get_body()
    given = json.loads(body) if body else None
    instance_id = await client.start_new(req.route_params["functionName"], req.params.get("id"), given)
    return client.create_check_status_response(req, instance_id)


@app.route(route="hello/{name:alpha?}", methods=["GET", "POST"])
def hello_http(req: func.HttpRequest) -> func.HttpResponse:
    who = req.route_params.get("name") or req.params.get("name") or "nobody"
    return func.HttpResponse(f"Hello {who}", headers={"x-seen": req.headers.get("x-sent", "")})


@app.orchestration_trigger(context_name="context")
def chain(context: df.DurableOrchestrationContext):
    first = yield context.call_activity("hello", "Tokyo")
    second = yield context.call_activity("hello_async", "Seattle")
    third = yield context.call_activity("hello", "London")
    return [first, second, third]


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext):
    count = context.get_input() or 5
    results = yield context.task_all([context.call_activity("square", n) for n in range(count)])
    return sum(results)


@app.orchestration_trigger(context_name="context")
def approval(context: df.DurableOrchestrationContext):
    seconds = context.get_input() or 60
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
    approved = context.wait_for_external_event("Approval")
    winner = yield context.task_any([approved, deadline])
    if winner == approved:
        deadline.cancel()
        return {"approved": approved.result}
    return {"approved": None}


@app.orchestration_trigger(context_name="context")
def counter(context: df.DurableOrchestrationContext):
    state = context.get_input()
    state["n"] = yield context.call_activity("increment", state["n"])
    if state["n"] < state["until"]:
        context.continue_as_new(state)
        return None
    return state["n"]


@app.orchestration_trigger(context_name="context")
def retrying(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=50, max_number_of_attempts=3)
    return (yield context.call_activity_with_retry("flaky", options, context.get_input()))


@app.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext):
    return (yield context.call_sub_orchestrator("chain"))


@app.activity_trigger(input_name="name")
def hello(name: str) -> str:
    return f"Hello {name}!"


@app.activity_trigger(input_name="name")
async def hello_async(name: str) -> str:
    return f"Hello {name}!"


@app.activity_trigger(input_name="number")
def square(number: int) -> int:
    return number * number


@app.activity_trigger(input_name="number")
async def increment(number: int) -> int:
    return number + 1


attempts: dict[str, int] = {}


@app.activity_trigger(input_name="plan")
def flaky(plan: dict) -> str:
    attempts[plan["key"]] = attempts.get(plan["key"], 0) + 1
    if attempts[plan["key"]] <= plan["failures"]:
        raise ValueError(f"boom {attempts[plan['key']]}")
    return f"done after {attempts[plan['key']]}"


@app.activity_trigger(input_name="seconds")
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@app.timer_trigger(schedule="0 0 3 * * *", arg_name="timer")
def nightly(timer: func.TimerRequest) -> None:
    log.info("nightly, past due: %s", timer.past_due)


@app.orchestration_trigger(context_name="context")
def marked(context: df.DurableOrchestrationContext):
    yield context.call_activity("mark", context.get_input())
    return "ended"


@app.activity_trigger(input_name="plan")
def mark(plan: dict) -> None:
    """Write a line to a file, then take a while."""
    with Path(plan["path"]).open("a") as file:
        file.write("begun\n")
    time.sleep(plan["seconds"])
