"""A monitor: look at something every few seconds until it is ready or time is up, and tell where it stands."""

from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

monitoring = df.Blueprint()
looks: dict[str, int] = {}


@monitoring.orchestration_trigger(context_name="context")
def monitor(context: df.DurableOrchestrationContext):
    job = context.get_input()
    until = context.current_utc_datetime + timedelta(seconds=job["seconds"])
    while context.current_utc_datetime < until:
        found = yield context.call_activity("look", job)
        context.set_custom_status({"found": found})
        if found == "ready":
            return "ready"
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=job["every"]))
    return "time is up"


@monitoring.activity_trigger(input_name="job")
async def look(job: dict) -> str:
    looks[job["name"]] = looks.get(job["name"], 0) + 1
    return "ready" if looks[job["name"]] >= job["ready_after"] else "not yet"


@monitoring.route(route="health", auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("fine")


@monitoring.orchestration_trigger(context_name="context")
def check_site(context: df.DurableOrchestrationContext):
    answer = yield context.call_http("GET", context.get_input()["url"])
    return [answer["statusCode"], answer["content"]]
