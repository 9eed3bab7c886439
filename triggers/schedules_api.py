"""HTTP: list the schedules, show one."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from history.base import ScheduleRow
from services import Services
from triggers.etags import control_tag, etag_of, is_known
from triggers.instances import Instance, hub_of, look_at, look_at_all
from triggers.problems import answers_problems, json_response
from triggers.requests import schedule_name
from triggers.revival import revived
from triggers.schedule_document import schedule_document


def blueprint(services: Services) -> df.Blueprint:
    """The routes, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name("list_schedules")
    @bp.route(route="schedules", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def list_schedules(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return json_response({"value": await all_documents(services, client)})

    @bp.function_name("get_schedule")
    @bp.route(route="schedules/{name}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def get_schedule(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        row = await services.store.get(name)
        row, instance = await revived(services, client, row, await look_at(client, name))
        document = document_of(services, client, row, instance)
        tag = etag_of(control_tag(row, services.schedules), document)
        if is_known(req, tag):
            return func.HttpResponse(status_code=304, headers={"ETag": tag})
        return json_response(document, headers={"ETag": tag})

    return bp


def document_of(
    services: Services, client: df.DurableOrchestrationClient, row: ScheduleRow, instance: Instance
) -> dict[str, Any]:
    """The Schedule document of `row` and `instance`, as this app sees it now."""
    return schedule_document(row.name, services.schedules, row, instance, hub_of(client), services.clock.now())


async def all_documents(services: Services, client: df.DurableOrchestrationClient) -> list[dict[str, Any]]:
    """All Schedule documents, in the order of schedules.yaml; up to 100 of them cost two requests."""
    rows = await services.store.rows()
    instances = await look_at_all(client, services.schedules)
    present = [
        await revived(services, client, rows.get(name, ScheduleRow(name)), instances[name])
        for name in services.schedules
    ]
    return [document_of(services, client, row, instance) for row, instance in present]
