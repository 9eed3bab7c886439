"""HTTP: what the next cycle of a schedule would do, and why. Looks, and changes nothing."""

from __future__ import annotations

import azure.durable_functions as df  # pyright: ignore[reportMissingTypeStubs]
import azure.functions as func

from ebb.api.problems import answers_problems, json_response
from ebb.api.requests import schedule_name
from ebb.api.routes import DurableRoutes
from ebb.control.plan_preview import plan_of
from ebb.services import Services


def blueprint(services: Services) -> DurableRoutes:
    """The route, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("get_plan")
    @bp.route(route="schedules/{name}/plan", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def get_plan(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        return json_response(await plan_of(services, client, name))

    return bp
