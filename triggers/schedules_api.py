"""HTTP: list the schedules, show one."""

from __future__ import annotations

import azure.functions as func

from ebb.api.etags import control_tag, etag_of, is_known, list_tag
from ebb.api.guard import answers, level_of
from ebb.api.problems import json_response
from ebb.api.requests import schedule_name
from ebb.api.routes import DurableRoutes
from ebb.control.durable_sdk import DurableClient
from ebb.control.instances import look_at
from ebb.control.revival import revived
from ebb.control.schedules import all_schedules, whole_schedule
from ebb.services import Services


def blueprint(services: Services) -> DurableRoutes:
    """The routes, bound to `services`."""
    bp = DurableRoutes(services.prefix)

    @bp.function_name("list_schedules")
    @bp.route(route="schedules", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def list_schedules(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        documents = [each.to_document() for each in await all_schedules(services, client)]
        tag = list_tag(documents)
        if is_known(req, tag):
            return func.HttpResponse(status_code=304, headers={"ETag": tag})
        return json_response({"value": documents}, headers={"ETag": tag})

    @bp.function_name("get_schedule")
    @bp.route(route="schedules/{name}", methods=["GET"], auth_level=level_of(services))
    @bp.durable_client_input(client_name="client")
    @answers(services)
    async def get_schedule(req: func.HttpRequest, client: DurableClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        row = await services.store.get(name)
        row, instance = await revived(services, client, row, await look_at(client, name))
        document = (await whole_schedule(services, client, row, instance)).to_document()
        tag = etag_of(control_tag(row, services.schedules), document)
        if is_known(req, tag):
            return func.HttpResponse(status_code=304, headers={"ETag": tag})
        return json_response(document, headers={"ETag": tag})

    return bp
