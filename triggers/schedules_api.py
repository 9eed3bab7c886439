"""HTTP: list schedules, show one, start it, stop it."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
import azure.functions as func

from history.base import ScheduleRow
from scheduler.names import INSTANCE_PREFIX, instance_id
from services import Services
from triggers.control import look_at, start, stop
from triggers.problems import answers_problems, invalid_request, json_response
from triggers.requests import address_of, caller, json_body, schedule_name, text_member
from triggers.schedule_document import Instance, etag_of, schedule_document

RETRY_AFTER_SECONDS = "1"


def blueprint(services: Services) -> df.Blueprint:
    """The routes, bound to `services`."""
    bp = df.Blueprint()

    @bp.function_name("list_schedules")
    @bp.route(route="schedules", methods=["GET"])
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def list_schedules(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return json_response({"value": await all_documents(services, client)})

    @bp.function_name("get_schedule")
    @bp.route(route="schedules/{name}", methods=["GET"])
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def get_schedule(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        document = await document_of(services, client, schedule_name(req, services.schedules))
        tag = etag_of(document)
        if tag in req.headers.get("if-none-match", ""):
            return func.HttpResponse(status_code=304, headers={"ETag": tag})
        return json_response(document, headers={"ETag": tag})

    @bp.function_name("start_schedule")
    @bp.route(route="schedules/{name}/start", methods=["POST"])
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def start_schedule(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        body = json_body(req, {"reason", "settings"})
        overrides = body.get("settings")
        if overrides is not None:
            if not isinstance(overrides, dict):
                raise invalid_request("'settings' must be an object of settings")
            services.schedules.effective(name, overrides)
        changed = await start(services, client, name, text_member(body, "reason"), overrides, caller(req))
        document = await document_of(services, client, name)
        return _transition(req, document, changed, 202 if changed else 200)

    @bp.function_name("stop_schedule")
    @bp.route(route="schedules/{name}/stop", methods=["POST"])
    @bp.durable_client_input(client_name="client")
    @answers_problems
    async def stop_schedule(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        name = schedule_name(req, services.schedules)
        body = json_body(req, {"reason", "mode"})
        reason = text_member(body, "reason", required=True) or ""
        mode = body.get("mode", "graceful")
        if mode not in ("graceful", "terminate"):
            raise invalid_request(f"'mode' is {mode!r}; it must be 'graceful' or 'terminate'")
        changed, live = await stop(services, client, name, reason, mode, caller(req))
        document = await document_of(services, client, name)
        return _transition(req, document, changed, 202 if live else 200)

    return bp


async def document_of(services: Services, client: df.DurableOrchestrationClient, name: str) -> dict[str, Any]:
    """The Schedule document of `name`: one request to the store, one to Durable."""
    row = await services.store.get(name)
    return schedule_document(name, services.schedules, row, await look_at(client, name))


async def all_documents(services: Services, client: df.DurableOrchestrationClient) -> list[dict[str, Any]]:
    """All Schedule documents, in the order of schedules.yaml; the number of requests does not grow with them."""
    rows = await services.store.rows()
    found: Any = await client.get_status_by(instance_id_prefix=INSTANCE_PREFIX)
    instances = {
        status.instance_id: Instance(status.runtime_status.name, status.custom_status, status.output)
        for status in found
        if status.runtime_status is not None
    }
    return [
        schedule_document(
            name, services.schedules, rows.get(name, ScheduleRow(name)), instances.get(instance_id(name), Instance())
        )
        for name in services.schedules
    ]


def _transition(req: func.HttpRequest, document: dict[str, Any], changed: bool, status: int) -> func.HttpResponse:
    headers = {"ETag": etag_of(document)}
    if status == 202:
        location = f"{address_of(req)}/schedules/{document['name']}"
        headers |= {"Location": location, "Retry-After": RETRY_AFTER_SECONDS}
    return json_response({**document, "changed": changed}, status, headers)
