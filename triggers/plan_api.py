"""HTTP: what the next cycle of a schedule would do, and why; and when it fires next. Looks, and changes nothing."""

from __future__ import annotations

import azure.durable_functions as df  # pyright: ignore[reportMissingTypeStubs]
import azure.functions as func

from ebb.api.problems import answers_problems, json_response
from ebb.api.requests import schedule_name, whole_parameter
from ebb.api.routes import DurableRoutes
from ebb.control.next_times import next_times
from ebb.control.plan_preview import plan_of
from ebb.services import Services

TIMES, MOST_TIMES = 10, 1000


def blueprint(services: Services) -> DurableRoutes:
    """The routes, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("get_plan")
    @bp.route(route="schedules/{name}/plan", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def get_plan(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        return json_response(await plan_of(services, client, name))

    @bp.function_name("get_next")
    @bp.route(route="schedules/{name}/next", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def get_next(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name, count = schedule_name(req, services.schedules), whole_parameter(req, "count", TIMES, MOST_TIMES)
        return json_response(await next_times(services, client, name, count))

    return bp
