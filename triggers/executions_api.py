"""HTTP: the executions of a schedule as one flat list, newest first; in the form of Container Apps' jobs on request."""

from __future__ import annotations

import azure.functions as func

from ebb.api.guard import answers, level_of
from ebb.api.pages import page_response
from ebb.api.problems import invalid_request
from ebb.api.requests import parameter, schedule_name, span_of, whole_parameter
from ebb.api.routes import DurableRoutes
from ebb.control.durable_sdk import DurableClient
from ebb.control.executions import ListedExecution, as_job, executions_page
from ebb.services import Services

LARGEST_PAGE = 1000
PAGE = 50


def blueprint(services: Services) -> DurableRoutes:
    """The route, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("list_executions")
    @bp.route(route="schedules/{name}/executions", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def list_executions(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name, top = schedule_name(req, services.schedules), whole_parameter(req, "top", PAGE, LARGEST_PAGE)
        form, span = parameter(req, "az"), span_of(req)
        if form not in (None, "true", "false"):
            raise invalid_request(f"az={form!r} must be true or false")
        try:
            token, status = parameter(req, "continuationToken"), parameter(req, "status")
            write = as_job(services, name) if form == "true" else ListedExecution.to_document
            page = await executions_page(services, client, name, top, token, status, span, write)
        except ValueError as error:
            raise invalid_request(str(error)) from error
        return page_response(req, page)

    return bp
