"""Orchestrations that the tests of the durable client and of the management API start."""

from __future__ import annotations

from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from devhost import Host
from devhost.client_binding import MANAGEMENT_BASE

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
ORCHESTRATORS = f"{MANAGEMENT_BASE}/orchestrators"
INSTANCES = f"{MANAGEMENT_BASE}/instances"


@app.orchestration_trigger(context_name="context")
def quick(context: df.DurableOrchestrationContext):
    return context.get_input()
    yield


@app.orchestration_trigger(context_name="context")
def failing(context: df.DurableOrchestrationContext):
    raise ValueError("no good")
    yield


@app.orchestration_trigger(context_name="context")
def patient(context: df.DurableOrchestrationContext):
    context.set_custom_status({"step": "waiting"})
    found = []
    for name in ("X", "Y"):
        found.append((yield context.wait_for_external_event(name)))  # noqa: PERF401  (a yield cannot go in a comprehension)
    return found


@app.orchestration_trigger(context_name="context")
def talkative(context: df.DurableOrchestrationContext):
    context.set_custom_status(context.get_input())
    yield context.wait_for_external_event("X")


@app.orchestration_trigger(context_name="context")
def two_timers(context: df.DurableOrchestrationContext):
    for _ in range(2):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=10))
    return "ended"


@app.activity_trigger(input_name="number")
async def double(number: int) -> int:
    return 2 * number


@app.orchestration_trigger(context_name="context")
def doubles(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("double", context.get_input()))


@app.orchestration_trigger(context_name="context")
def never_stops(context: df.DurableOrchestrationContext):
    while True:
        yield context.call_activity("double", 1)


@app.route(route="start/{name}")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], req.params.get("id"), req.params.get("given"))
    if req.params.get("wait"):
        return await client.wait_for_completion_or_create_check_status_response(req, instance_id, 2000, 50)
    return client.create_check_status_response(req, instance_id)


async def refused(method: str, url: str, status: int) -> str:
    """The message with which a host of this app refuses the call, with that status."""
    async with Host(app) as host, host.http.request(method, url) as response:
        assert response.status == status
        return (await response.json())["Message"]
