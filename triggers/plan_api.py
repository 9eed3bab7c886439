"""HTTP: what the next cycle of a schedule would do, and why, as it is set or might be; when it fires next; why it did
or did not run at a time.

Looks, and changes nothing.
"""

from __future__ import annotations

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.problems import json_response
from ebb.api.requests import json_body, object_member, schedule_name, time_parameter, whole_member, whole_parameter
from ebb.api.routes import DurableRoutes
from ebb.control.durable_sdk import DurableClient
from ebb.control.next_times import next_times
from ebb.control.plan_preview import plan_of
from ebb.control.what_if import MOST_CYCLES, what_if
from ebb.control.why import why_of
from ebb.services import Services

RECORDED = 50  # cycles that are asked again, where the request does not say
TIMES, MOST_TIMES = 10, 1000  # fire times: as many without a word, and at most


def blueprint(services: Services) -> DurableRoutes:
    """The routes, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("get_plan")
    @bp.route(route="schedules/{name}/plan", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def get_plan(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        return json_response((await plan_of(services, client, name)).to_document())

    @bp.function_name("try_plan")
    @bp.route(route="schedules/{name}/plan", methods=["POST"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services, changes=False)
    async def try_plan(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name, body = schedule_name(req, services.schedules), json_body(req, {"settings", "cycles"})
        settings = object_member(body, "settings")
        cycles = whole_member(body, "cycles", RECORDED, MOST_CYCLES)
        return json_response((await what_if(services, client, name, settings, cycles)).to_document())

    @bp.function_name("get_next")
    @bp.route(route="schedules/{name}/next", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def get_next(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name, count = schedule_name(req, services.schedules), whole_parameter(req, "count", TIMES, MOST_TIMES)
        return json_response((await next_times(services, client, name, count)).to_document())

    @bp.function_name("get_why")
    @bp.route(route="schedules/{name}/why", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def get_why(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name, at = schedule_name(req, services.schedules), time_parameter(req, "at")
        return json_response((await why_of(services, client, name, at)).to_document())

    return bp
