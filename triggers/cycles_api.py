"""HTTP: the history of a schedule: its cycles, and its events (audit trail, incidents). As JSON, or as JSON lines."""

from __future__ import annotations

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.pages import page_response
from ebb.api.problems import invalid_request, json_response
from ebb.api.requests import parameter, schedule_name, span_of, whole_parameter
from ebb.api.routes import DurableRoutes
from ebb.control.durable_sdk import DurableClient
from ebb.control.executions import cycle_of
from ebb.services import Services

LARGEST_PAGE = 1000
PAGE = 50
KINDS = ("audit", "incident")


def blueprint(services: Services) -> DurableRoutes:
    """The routes, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("list_cycles")
    @bp.route(route="schedules/{name}/cycles", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def list_cycles(req: func.HttpRequest) -> func.HttpResponse:
        name, top = schedule_name(req, services.schedules), whole_parameter(req, "top", PAGE, LARGEST_PAGE)
        span = span_of(req)
        try:
            page = await services.store.cycles(name, top, parameter(req, "continuationToken"), span)
        except ValueError as error:
            raise invalid_request(str(error)) from error
        return page_response(req, page)

    @bp.function_name("get_cycle")
    @bp.route(route="schedules/{name}/cycles/{cycle}", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def get_cycle(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        return json_response(await cycle_of(services, client, name, str(req.route_params.get("cycle", ""))))

    @bp.function_name("list_events")
    @bp.route(route="schedules/{name}/events", methods=["GET"], auth_level=level_of(services))
    @answers(services)
    async def list_events(req: func.HttpRequest) -> func.HttpResponse:
        name, top = schedule_name(req, services.schedules), whole_parameter(req, "top", PAGE, LARGEST_PAGE)
        kind = parameter(req, "kind")
        if kind not in (None, *KINDS):
            raise invalid_request(f"kind={kind!r} must be one of {', '.join(KINDS)}")
        span = span_of(req)
        try:
            page = await services.store.events(name, kind, top, parameter(req, "continuationToken"), span)
        except ValueError as error:
            raise invalid_request(str(error)) from error
        return page_response(req, page)

    return bp
